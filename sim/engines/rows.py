"""Typed views of arrays and records by their address, for the compiled engine: no owner, no length, no checks.

They carry no reference counts and nothing beside the address, so opening and passing them costs nothing. Here they are
named; what they are to numba, when the kernel is compiled, is told in `addresses`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.engines.jit import Later


def _told(name: str) -> Any:
    def tell() -> Any:
        from sim.engines import addresses

        return getattr(addresses, name)()

    return Later(tell)


prefetch = _told("prefetch")
"""A compiled function of an array's view and a place that asks for the row there ahead of its use; a place that does
not exist does no harm."""

first_of_four = _told("first_of_four")
"""A compiled function of an array's view and a place: of the four rows from there on, the place of the one whose first
16 bytes are the least number. Without a branch: which it is, the processor could only guess, and mostly wrong."""

copy_bytes = _told("copy_bytes")
"""A compiled function of (to, from, how many) that copies bytes from one address to another."""

word_at = _told("word_at")
"""A compiled function of an address: the 64 bits there."""

put_word = _told("put_word")
"""A compiled function of (an address, 64 bits) that writes them there."""


def view(address: str, of: np.dtype[Any], name: str, dtype: np.dtype[Any]) -> Any:
    """A compiled function of a record that opens the array whose address stands in one of its fields."""
    assert of.fields is not None
    offset = of.fields[address][1]

    def opened() -> Any:
        from sim.engines import addresses

        return addresses.view(offset, name, dtype)

    return Later(opened)


def record_at(name: str, dtype: np.dtype[Any]) -> Any:
    """A compiled function of an address that gives the record which stands there."""

    def opened() -> Any:
        from sim.engines import addresses

        return addresses.record_at(name, dtype)

    return Later(opened)
