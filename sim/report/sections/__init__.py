"""The sections of a report, one a file; each gives None where the scenario has no data for it."""
