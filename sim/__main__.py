"""`python -m sim` is the command `forebay`."""

from sim.cli.app import command_line

if __name__ == "__main__":
    command_line()
