"""A rule that a person can choose: parameters as a frozen class, meaning as one plain function of numbers.

The reference engine calls the function as Python, the compiled engine compiles the same code, theory reads
the class. Adding a rule is one class in its family's file and its name in that family's union.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Protocol, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from sim.scenario.quantities import refuse


class Row(Protocol):
    """Numbers to read by address: a list, an array, a machine pointer."""

    def __getitem__(self, at: int, /) -> float:
        """The number at an address."""
        ...


class State(Row, Protocol):
    """Numbers to read and to write by address."""

    def __setitem__(self, at: int, value: float, /) -> None:
        """Writes the number at an address."""
        ...


class Rule(BaseModel):
    """One choice of a family: frozen parameters, and the numbers that its function reads.

    The function is a static method `rule`, made of `math`, arithmetic, comparisons, loops and plain functions
    of this package, so that CPython and the compiled engine give the same bits. It must not raise, and
    neither may what it calls: `math.pow` and `math.exp` overflow by an exception in one engine and by
    infinity in the other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    opcode: ClassVar[int] = -1
    """The class's place in its family; written by `family`."""

    def parameters(self, p: list[float]) -> list[float]:
        """The numbers that the rule reads; nested rules are lowered into `p` and given by address."""
        return []

    def lower(self, p: list[float]) -> int:
        """Appends nested rules, the opcode and the parameters to `p`; gives the first parameter's address.

        So `p[at - 1]` is the opcode of the rule at address `at`.
        """
        row = self.parameters(p)
        p.append(float(self.opcode))
        at = len(p)
        p.extend(row)
        return at

    def data_files(self) -> tuple[Path, ...]:
        """The data files that this rule and the rules within it were read from."""
        return tuple(path for part in _rules_within(self) for path in part.data_files())


R = TypeVar("R", bound=Rule)


def family(*choices: UnionType, base: type[R]) -> tuple[type[R], ...]:
    """The classes of one or more unions, each told its opcode: its place in the result."""
    members = tuple(member for choice in choices for member in get_args(choice))
    for place, member in enumerate(members):
        if not issubclass(member, base):
            raise TypeError(f"{member} is not a {base}")
        member.opcode = place
    return members


def written_bare(constant: str = "") -> BeforeValidator:
    """A bare word stands for `{kind: word}`, a bare duration for `{kind: constant, <constant>: duration}`."""

    def spell_out(value: Any) -> Any:
        if isinstance(value, str):
            word = value.strip()
            if word[:1].isalpha() and not word.startswith("inf"):
                return {"kind": word}
            return {"kind": "constant", constant: word} if constant else {"kind": word}
        if constant and isinstance(value, int | float) and not isinstance(value, bool):
            return {"kind": "constant", constant: value}
        return value

    return BeforeValidator(spell_out)


@dataclass(frozen=True)
class Filled:
    """Marks a list that must not be empty; the error carries the example."""

    example: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Looks before the entries do: a wrong entry must not be reported as a missing one too."""
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The list's own schema, with the least length."""
        return {**handler(schema), "minItems": 1}

    def _check(self, value: Any) -> Any:
        if isinstance(value, list | tuple) and not value:
            raise refuse("is an empty list: one entry at least", self.example)
        return value


def _rules_within(value: object) -> Iterator[Rule]:
    """The rules in a model's fields, at any depth of plain models and tuples, but not those within rules."""
    if isinstance(value, BaseModel):
        parts: Any = (getattr(value, name) for name in type(value).model_fields)
    elif isinstance(value, tuple):
        parts = value
    else:
        return
    for part in parts:
        if isinstance(part, Rule):
            yield part
        else:
            yield from _rules_within(part)
