"""Exit statuses: what each number means, in one place."""

OK = 0
INTERNAL = 1
USAGE = 2
INVALID = 3
MISSED = 4
INCONCLUSIVE = 5
INTERRUPTED = 130

_OF_VERDICT = {"met": OK, "none": OK, "missed": MISSED, "inconclusive": INCONCLUSIVE}


def of_verdict(verdict: str) -> int:
    """The exit status of a run's verdict over its objectives: `met`, `none`, `missed` or `inconclusive`."""
    return _OF_VERDICT[verdict]
