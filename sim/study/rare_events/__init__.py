"""What happens once in a billion: paths that split on their way there."""
