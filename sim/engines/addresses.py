"""What views by address are to numba: types of nothing but an address, and how their fields are read and written.

Every load and store says which field of which record, or which array, it is about: LLVM may then take it that a store
to one does not change another (its type-based alias analysis), keeps in registers what it can, and leaves out loads.
"""

from __future__ import annotations

import operator
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer_getattr,
    infer_global,
    make_intrinsic_template,
)
from numba.extending import (
    lower_builtin,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    register_model,
)
from numba.np import numpy_support

from sim.engines.kinds import assumed

KIND: Final = "forebay.kind"
"""A constant of the kernel's that is told when all of it is there: the kind of scenarios that it is made for."""

_BYTES = ir.IntType(8).as_pointer()


class Row(types.Type):  # type: ignore[misc]  # numba ships no types
    """A record by its address; `name` tells its fields from those of other records. Whole numbers are read as words."""

    def __init__(self, name: str, dtype: np.dtype[Any]) -> None:
        assert dtype.fields is not None
        self.label = name
        self.fields = {
            field: (numpy_support.from_dtype(of), offset) for field, (of, offset, *_) in dtype.fields.items()
        }
        super().__init__(name=f"Row({name})")


class Rows(types.Type):  # type: ignore[misc]
    """An array by its address: of records, or of numbers."""

    def __init__(self, name: str, dtype: np.dtype[Any]) -> None:
        self.label = name
        self.size = dtype.itemsize
        self.of = numpy_support.from_dtype(dtype) if dtype.fields is None else Row(name, dtype)
        super().__init__(name=f"Rows({name})")


@register_model(Row)
@register_model(Rows)
class _AddressModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, viewed: Any) -> None:
        super().__init__(manager, viewed, _BYTES)


@infer_global(operator.getitem)
class _GetRow(AbstractTemplate):  # type: ignore[misc]
    def generic(self, arguments: Any, _keywords: Any) -> Any:
        rows, place = arguments
        if isinstance(rows, Rows) and isinstance(place, types.Integer):
            return rows.of(rows, types.intp)
        return None


@infer_global(operator.setitem)
class _SetRow(AbstractTemplate):  # type: ignore[misc]
    def generic(self, arguments: Any, _keywords: Any) -> Any:
        rows, place, _value = arguments
        if isinstance(rows, Rows) and isinstance(place, types.Integer):
            return types.none(rows, types.intp, rows.of)
        return None


@infer_getattr
class _RowFields(AttributeTemplate):  # type: ignore[misc]
    key = Row

    def generic_resolve(self, row: Row, field: str) -> Any:
        return _read_as(row.fields[field][0]) if field in row.fields else None


def _read_as(of: Any) -> Any:
    return types.int64 if isinstance(of, types.Integer) and of.signed else of


def _tagged(builder: Any, instruction: Any, label: str) -> Any:
    """The load or store, marked as one that concerns `label` alone."""
    module = builder.module
    root = module.add_metadata(["forebay"])
    kind = module.add_metadata([label, root, ir.Constant(ir.IntType(64), 0)])
    instruction.set_metadata("tbaa", module.add_metadata([kind, kind, ir.Constant(ir.IntType(64), 0)]))
    return instruction


def _unless_assumed(builder: Any, value: Any, kind: int, number: Any) -> Any:
    """The value, or in kernels of this kind and simpler ones the number: LLVM knows which, as it knows the kind."""
    whole = ir.IntType(8)
    of_kernel = builder.module.globals.get(KIND)
    if of_kernel is None:
        of_kernel = ir.GlobalVariable(builder.module, whole, KIND)
        of_kernel.global_constant = True
    simple = builder.icmp_unsigned(">=", builder.load(of_kernel), whole(kind))
    return builder.select(simple, number, value)


def _place(context: Any, builder: Any, address: Any, offset: Any, of: Any) -> Any:
    """Code that points at a value of type `of` so many bytes behind an address."""
    return builder.bitcast(builder.gep(address, [offset]), context.get_data_type(of).as_pointer())


def _field(context: Any, builder: Any, row: Row, address: Any, field: str) -> Any:
    of, offset = row.fields[field]
    return _place(context, builder, address, context.get_constant(types.intp, offset), of)


@lower_getattr_generic(Row)  # type: ignore[untyped-decorator]
def _get_field(context: Any, builder: Any, row: Row, address: Any, field: str) -> Any:
    load = builder.load(_field(context, builder, row, address, field))
    of = row.fields[field][0]
    value = context.cast(builder, _tagged(builder, load, f"{row.label}.{field}"), of, _read_as(of))
    found = assumed(row.label, field)
    if found is None:
        return value
    kind, number = found
    return _unless_assumed(builder, value, kind, context.get_constant(_read_as(of), number))


@lower_setattr_generic(Row)  # type: ignore[untyped-decorator]
def _set_field(context: Any, builder: Any, signature: Any, arguments: Any, field: str) -> None:
    row = signature.args[0]
    address, value = arguments
    of = row.fields[field][0]
    value = context.cast(builder, value, _read_as(of), of)
    store = builder.store(value, _field(context, builder, row, address, field))
    _tagged(builder, store, f"{row.label}.{field}")


def _row_address(context: Any, builder: Any, rows: Rows, address: Any, place: Any) -> Any:
    return builder.gep(address, [builder.mul(place, context.get_constant(types.intp, rows.size))])


@lower_builtin(operator.getitem, Rows, types.intp)  # type: ignore[untyped-decorator]
def _get_row(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    rows = signature.args[0]
    row = _row_address(context, builder, rows, *arguments)
    if isinstance(rows.of, Row):
        return row
    load = builder.load(builder.bitcast(row, context.get_data_type(rows.of).as_pointer()))
    return _tagged(builder, load, rows.label)


@lower_builtin(operator.setitem, Rows, types.intp, types.Any)  # type: ignore[untyped-decorator]
def _set_row(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    rows = signature.args[0]
    address, place, value = arguments
    row = _row_address(context, builder, rows, address, place)
    if isinstance(rows.of, Row):
        for field in rows.of.fields:
            label = f"{rows.of.label}.{field}"
            copied = _tagged(builder, builder.load(_field(context, builder, rows.of, value, field)), label)
            _tagged(builder, builder.store(copied, _field(context, builder, rows.of, row, field)), label)
    else:
        store = builder.store(value, builder.bitcast(row, context.get_data_type(rows.of).as_pointer()))
        _tagged(builder, store, rows.label)
    return context.get_dummy_value()


def _function(name: str, define: Any) -> Any:
    """The type of a function whose code is written out where it is called."""
    return types.Function(make_intrinsic_template(object(), define, name))


def prefetch() -> Any:
    """The type of `rows.prefetch`."""

    def define(_typing: Any, rows: Any, _place: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            whole = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [_BYTES, whole, whole, whole])
            ask = builder.module.declare_intrinsic("llvm.prefetch", [_BYTES], kind)
            row = _row_address(context, builder, rows, *arguments)
            builder.call(ask, [row, whole(0), whole(3), whole(1)])  # to read, to be kept in all caches, data
            return context.get_dummy_value()

        return types.none(rows, types.intp), generate

    return _function("prefetch", define)


def first_of_four() -> Any:
    """The type of `rows.first_of_four`."""

    def define(_typing: Any, rows: Any, _place: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            number, word = ir.IntType(128), context.get_value_type(types.intp)
            first = builder.bitcast(_row_address(context, builder, rows, *arguments), _BYTES)

            def row(place: int) -> Any:
                at = builder.gep(first, [context.get_constant(types.intp, place * rows.size)])
                return builder.load(builder.bitcast(at, number.as_pointer()), align=8), word(place)

            def lesser(one: Any, other: Any) -> Any:
                is_other = builder.icmp_unsigned("<", other[0], one[0])
                return tuple(
                    builder.select(is_other, theirs, ours) for ours, theirs in zip(one, other, strict=True)
                )

            least = lesser(lesser(row(0), row(1)), lesser(row(2), row(3)))
            return builder.add(arguments[1], least[1])

        return types.intp(rows, types.intp), generate

    return _function("first_of_four", define)


def copy_bytes() -> Any:
    """The type of `rows.copy_bytes`; LLVM takes it that any field may have changed."""

    def define(_typing: Any, _to: Any, _source: Any, _many: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            word = ir.IntType(64)
            kind = ir.FunctionType(ir.VoidType(), [_BYTES, _BYTES, word, ir.IntType(1)])
            copy = builder.module.declare_intrinsic("llvm.memcpy", [_BYTES, _BYTES, word], kind)
            places = [builder.inttoptr(address, _BYTES) for address in arguments[:2]]
            builder.call(copy, [*places, arguments[2], ir.IntType(1)(0)])
            return context.get_dummy_value()

        return types.none(types.int64, types.int64, types.int64), generate

    return _function("copy_bytes", define)


def word_at() -> Any:
    """The type of `rows.word_at`."""

    def define(_typing: Any, _address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.load(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()))

        return types.uint64(types.int64), generate

    return _function("word_at", define)


def put_word() -> Any:
    """The type of `rows.put_word`; LLVM takes it that any field may have changed."""

    def define(_typing: Any, _address: Any, _word: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            builder.store(arguments[1], builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()))
            return context.get_dummy_value()

        return types.none(types.int64, types.uint64), generate

    return _function("put_word", define)


def view(offset: int, name: str, dtype: np.dtype[Any]) -> Any:
    """The type of a view whose address stands so many bytes behind that of its record."""
    rows = Rows(name, dtype)

    def define(_typing: Any, record: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            place = builder.gep(arguments[0], [context.get_constant(types.intp, offset)])
            load = builder.load(builder.bitcast(place, _BYTES.as_pointer()))
            # The driver moves arrays only between two calls of the kernel, so one look at an address is enough.
            load.set_metadata("invariant.load", builder.module.add_metadata([]))
            return load

        return rows(record), generate

    return _function(name, define)


def record_at(name: str, dtype: np.dtype[Any]) -> Any:
    """The type of a function that takes an address for that of a record."""
    row = Row(name, dtype)

    def define(_typing: Any, _address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], _BYTES)

        return row(types.intp), generate

    return _function(name, define)
