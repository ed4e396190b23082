"""stub"""


def command() -> int:
    """Stub."""
    return 0
