"""Studies of many runs: replications, curves over load, plans."""
