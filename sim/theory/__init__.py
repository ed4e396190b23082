"""What queueing theory says of a scenario, exact or approximate."""
