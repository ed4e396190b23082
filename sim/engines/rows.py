"""Typed views of arrays and records by their address, for the compiled engine: no owner, no length, no checks.

They carry no reference counts and nothing beside the address, so opening and passing them costs nothing. Here they are
named; what they are to numba, when the kernel is compiled, is told in `addresses`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.engines.jit import Later


def _prefetch() -> Any:
    from sim.engines import addresses

    return addresses.prefetch()


prefetch: Any = Later(_prefetch)
"""A compiled function of an array's view and a place that asks for the row there ahead of its use; a place that does
not exist does no harm."""


@intrinsic  # type: ignore[untyped-decorator]
def copy_bytes(_typing: Any, _to: Any, _source: Any, _many: Any) -> Any:
    """Copies so many bytes from one address to another; LLVM takes it that any field may have changed."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, _BYTES, word, ir.IntType(1)])
        copy = builder.module.declare_intrinsic("llvm.memcpy", [_BYTES, _BYTES, word], kind)
        places = [builder.inttoptr(address, _BYTES) for address in arguments[:2]]
        builder.call(copy, [*places, arguments[2], ir.IntType(1)(0)])
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def word_at(_typing: Any, _address: Any) -> Any:
    """The 64 bits at an address."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()))

    return types.uint64(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def put_word(_typing: Any, _address: Any, _word: Any) -> Any:
    """Writes 64 bits to an address; LLVM takes it that any field may have changed."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()))
        return context.get_dummy_value()

    return types.none(types.int64, types.uint64), generate


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
