"""Disciplines: the rank that each gives, and the same from compiled code."""

import math

import pytest
from pydantic import TypeAdapter, ValidationError

from sim.engines import rules
from sim.scenario.disciplines import MEMBERS, Discipline, DisciplineRule
from tests.engines.alone import alone

MACHINE = alone(rules.rank)

ANY: TypeAdapter[DisciplineRule] = TypeAdapter(Discipline)


@pytest.mark.parametrize(
    ("word", "order", "rank"),
    [
        ("fifo", "oldest", 0.0),
        ("lifo", "newest", 0.0),
        ("random", "rank", 0.25),
        ("priority", "rank", -3.0),
        ("shortest", "rank", 0.1),
        ("earliest_deadline", "rank", 7.5),
        ("adaptive_lifo", "either", 0.0),
    ],
)
def test_ranks(word: str, order: str, rank: float) -> None:
    discipline = ANY.validate_python(word)
    assert discipline == ANY.validate_python({"kind": word})
    assert discipline.order == order
    assert discipline.rule(-3.0, 0.1, 7.5, 0.25) == rank
    assert MACHINE(discipline.opcode, -3.0, 0.1, 7.5, 0.25) == rank


def test_who_waits_for_ever_comes_last() -> None:
    discipline = ANY.validate_python("earliest_deadline")
    assert discipline.rule(0.0, 1.0, math.inf, 0.5) > discipline.rule(0.0, 1.0, 1e9, 0.5)


def test_families_are_closed() -> None:
    assert [member.opcode for member in MEMBERS] == list(range(7))
    for wrong in ("sjf", {"kind": "fifo", "limit": 3}, 5, {}):
        with pytest.raises(ValidationError):
            ANY.validate_python(wrong)
