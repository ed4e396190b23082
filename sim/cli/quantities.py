"""Options that are quantities, read as in a scenario; what is wrong with one names the option."""

import math

from sim.errors import QuantityError, UsageError


def duration(option: str, text: str, example: str = "10s") -> float:
    """Seconds, more than 0. Raises UsageError that names the option and a valid example."""
    from sim.units import parse_duration

    try:
        seconds = parse_duration(text)
    except QuantityError as error:
        raise UsageError(f"{option}: {error}") from None
    if not 0.0 < seconds < math.inf:
        raise UsageError(f"{option} {text} is not more than 0; write {option} {example}")
    return seconds


def share(option: str, text: str, example: str = "10%", *, most: float = 1.0) -> float:
    """A share such as `10%`, more than 0 and less than `most`. Raises UsageError as `duration` does."""
    from sim.units import format_ratio, parse_ratio

    try:
        value = parse_ratio(text)
    except QuantityError as error:
        raise UsageError(f"{option}: {error}") from None
    if not 0.0 < value < most:
        raise UsageError(
            f"{option} {text} is not more than 0 and less than {format_ratio(most)}; write {option} {example}"
        )
    return value
