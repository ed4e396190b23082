"""Studies of many runs: replications, curves over load, and a folder for each larger question."""
