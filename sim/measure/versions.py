"""The versions that decide a run's figures."""

from __future__ import annotations

import platform
from importlib.metadata import version

LIBRARIES = ("numpy", "numba", "simpy")


def versions() -> dict[str, str]:
    """The versions that decide a run's figures."""
    return {
        "forebay": version("forebay"),
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }
