"""Typed views of arrays and records by their address, for the compiled engine: no owner, no length, no checks.

They carry no reference counts and nothing beside the address, so opening and passing them costs nothing.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model
from numba.np import numpy_support


class Rows(types.Type):  # type: ignore[misc]  # numba ships no types
    """The compiled engine's view of an array: an address alone, without an owner, a length or checks of the index."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = numpy_support.from_dtype(np.dtype(dtype))
        self.size = np.dtype(dtype).itemsize
        super().__init__(name=f"Rows({self.dtype})")


@register_model(Rows)
class _RowsModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, rows: Rows) -> None:
        super().__init__(manager, rows, ir.IntType(8).as_pointer())


@infer_global(operator.getitem)
class _GetRow(AbstractTemplate):  # type: ignore[misc]
    def generic(self, arguments: Any, _keywords: Any) -> Any:
        rows, place = arguments
        if isinstance(rows, Rows) and isinstance(place, types.Integer):
            return rows.dtype(rows, types.intp)
        return None


@infer_global(operator.setitem)
class _SetRow(AbstractTemplate):  # type: ignore[misc]
    def generic(self, arguments: Any, _keywords: Any) -> Any:
        rows, place, _value = arguments
        if isinstance(rows, Rows) and isinstance(place, types.Integer):
            return types.none(rows, types.intp, rows.dtype)
        return None


def _row(context: Any, builder: Any, rows: Rows, address: Any, place: Any) -> Any:
    """Code that points to one row."""
    offset = builder.mul(place, context.get_constant(types.intp, rows.size))
    return builder.bitcast(builder.gep(address, [offset]), context.get_data_type(rows.dtype).as_pointer())


@lower_builtin(operator.getitem, Rows, types.intp)  # type: ignore[untyped-decorator]
def _get_row(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    rows = signature.args[0]
    row = _row(context, builder, rows, *arguments)
    if isinstance(rows.dtype, types.Record):
        return builder.bitcast(row, context.get_value_type(rows.dtype))
    return builder.load(row)


@lower_builtin(operator.setitem, Rows, types.intp, types.Any)  # type: ignore[untyped-decorator]
def _set_row(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    rows = signature.args[0]
    address, place, value = arguments
    row = _row(context, builder, rows, address, place)
    if isinstance(rows.dtype, types.Record):
        cgutils.raw_memcpy(builder, row, value, context.get_constant(types.intp, rows.size), 1)
    else:
        builder.store(value, row)
    return context.get_dummy_value()


def view(address: str, of: np.dtype[Any], dtype: Any) -> Any:
    """A compiled function of a record that opens the array whose address stands in one of its fields."""
    assert of.fields is not None
    offset = of.fields[address][1]

    @intrinsic  # type: ignore[untyped-decorator]  # numba ships no types
    def opened(_typing: Any, record: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            place = cgutils.pointer_add(builder, arguments[0], context.get_constant(types.intp, offset))
            pointer = ir.IntType(8).as_pointer()
            load = builder.load(builder.bitcast(place, pointer.as_pointer()))
            # The driver moves arrays only between two calls of the kernel, so one look at an address is enough.
            load.set_metadata("invariant.load", builder.module.add_metadata([]))
            return load

        return Rows(dtype)(record), generate

    return opened


def record_at(of: np.dtype[Any]) -> Any:
    """A compiled function of an address that gives the record which stands there."""
    record = numpy_support.from_dtype(of)

    @intrinsic  # type: ignore[untyped-decorator]
    def opened(_typing: Any, _address: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(record))

        return record(types.intp), generate

    return opened
