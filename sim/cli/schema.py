"""`forebay schema`: the JSON Schema of a scenario, for editors and other programs."""

from sim.cli.options import NoColorOption, QuietOption
from sim.cli.printing import json_text
from sim.cli.terminal import Terminal


def command(quiet: QuietOption = False, no_color: NoColorOption = False) -> int:
    """Print the JSON Schema of a scenario, for editors."""
    from sim.scenario.schema import json_schema

    Terminal(quiet, no_color).write(json_text(json_schema()))
    return 0
