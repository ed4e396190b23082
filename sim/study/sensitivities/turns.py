"""Turns: the values that each parameter of a study is turned to, down and up, as scenarios that are allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.errors import ScenarioError, UsageError
from sim.scenario.scenario import Scenario
from sim.study.sensitivities.parameters import Parameter, parameter, parameters, spelled_range
from sim.units import parse_factor, parse_ratio


@dataclass(frozen=True)
class Turn:
    """A parameter with the values it is turned to.

    wide: the lower and the higher value, in base units. near: those of the small step. Where the scenario does not
    allow the one side, the value as written stands in its place. at: value -> scenario.
    """

    parameter: Parameter
    wide: tuple[float, float]
    near: tuple[float, float]
    at: Mapping[float, Scenario]

    @property
    def scenarios(self) -> list[Scenario]:
        """The scenarios of all these values."""
        return list(self.at.values())


def turns(
    scenario: Scenario, vary: Sequence[str] | Mapping[str, str] | None, change: float, step: float
) -> tuple[list[Turn], dict[str, str]]:
    """The turns of the parameters that are written, or of those to vary; and, by path, why the others have none.

    Args:
        scenario: in the middle.
        vary: paths, each with its own share or range behind `=`; or a mapping of paths to those.
        change: the share of a parameter by which it is turned.
        step: the share of the small step.

    Raises:
        UsageError: a path that leads to no number, a share or range that is none.
        ScenarioError: an end of a range that the scenario does not allow.
    """
    left_out: dict[str, str] = {}
    found = [_turn(scenario, each, own, change, step, left_out) for each, own in _chosen(scenario, vary)]
    return [turn for turn in found if turn is not None], left_out


def _chosen(
    scenario: Scenario, vary: Sequence[str] | Mapping[str, str] | None
) -> list[tuple[Parameter, str]]:
    """The parameters, each with its own share or range as text, empty if it has none."""
    if not vary:
        return [(each, "") for each in parameters(scenario)]
    if isinstance(vary, Mapping):
        pairs = [(path, str(own or "")) for path, own in vary.items()]
    else:
        pairs = [(path.strip(), own.strip()) for path, _, own in (one.partition("=") for one in vary)]
    return [(parameter(scenario, path), own) for path, own in dict(pairs).items()]


def _turn(
    scenario: Scenario,
    each: Parameter,
    own: str,
    change: float,
    step: float,
    left_out: dict[str, str],
) -> Turn | None:
    """The values that a parameter is turned to; None, and why, where it cannot be turned at all."""
    at: dict[float, Scenario] = {}
    if ".." in own:
        for end in spelled_range(own):
            made = _with(scenario, each, end)
            at[_value_of(made, each, end)] = made
        wide = (min(at), max(at))
        if wide[0] == wide[1]:
            raise UsageError(f"{each.path}={own} has one value; write {each.path}=8..24")
    else:
        share = _share(each.path, own) if own else change
        if each.value == 0.0 and not each.whole:
            left_out[each.path] = "is 0, and a share of it too: give it a range"
            return None
        wide = _allowed(scenario, each, each.around(share), at, left_out)
    near = _allowed(scenario, each, each.around(min(step, change)), at, left_out)
    if wide[0] == wide[1]:
        return None
    left_out.pop(each.path, None)
    return Turn(each, wide, near, at)


def _allowed(
    scenario: Scenario,
    each: Parameter,
    values: tuple[float, float],
    at: dict[float, Scenario],
    left_out: dict[str, str],
) -> tuple[float, float]:
    """The values, with that of the scenario in place of one that is not allowed."""
    low, high = each.value, each.value
    for value in values:
        if value == each.value:
            continue
        try:
            at.setdefault(value, each.at(scenario, value))
        except ScenarioError as error:
            left_out[each.path] = f"cannot be {each.spelled(value)}: {error.problems[0].message}"
            continue
        low, high = min(low, value), max(high, value)
    at.setdefault(each.value, scenario)
    return low, high


def _with(scenario: Scenario, each: Parameter, end: str) -> Scenario:
    if each.unit == "load":
        return each.at(scenario, parse_factor(end if end[:1] in "xX×" else f"x{end}"))
    return scenario.set(each.path, end, label=f"--vary {each.path}={end}")


def _value_of(made: Scenario, each: Parameter, end: str) -> float:
    """The value, in base units, that an end of a range has come to."""
    if each.unit == "load":
        return float(end.lstrip("xX×"))
    return parameter(made, each.path).value


def _share(path: str, own: str) -> float:
    share = parse_ratio(own.removeprefix("±").removeprefix("+-"))
    if not 0.0 < share < 1.0:
        raise UsageError(
            f"{path}={own} is not a share between 0 and 1, nor a range; write {path}=20% or 8..24"
        )
    return share
