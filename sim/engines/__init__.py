"""Scenario -> observations, twice: `reference` to be read, `compiled` to be run; they give identical attempt logs."""
