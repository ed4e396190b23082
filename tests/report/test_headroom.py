"""Headroom and the knee, read off curves whose answers are known."""

import pandas as pd
import pytest

from sim.report.headroom import headroom, knee
from sim.scenario.objectives import Objective


def curve_of(metric: str, values: list[float], subject: str = "traffic:web") -> pd.DataFrame:
    factors = [0.5, 1.0, 1.5, 2.0]
    columns = {"factor": factors, "offered_rate": [100.0 * factor for factor in factors]}
    return pd.DataFrame({**columns, "subject": subject, "metric": metric, "mean": values})


def objective(**bounds: str) -> Objective:
    metric = "latency_p99" if "at_most" in bounds else "success_ratio"
    return Objective.model_validate({"subject": "traffic:web", "metric": metric, **bounds})


def test_an_objective_breaks_between_two_loads() -> None:
    found = headroom(curve_of("latency_p99", [0.1, 0.2, 0.6, 3.0]), [objective(at_most="500ms")])
    assert found[0].factor == pytest.approx(1.375)
    assert found[0].offered_rate == pytest.approx(137.5)
    assert not found[0].open_ended


def test_a_lower_bound_breaks_too() -> None:
    found = headroom(curve_of("success_ratio", [1.0, 1.0, 0.9, 0.5]), [objective(at_least="95%")])
    assert found[0].factor == pytest.approx(1.25)


def test_an_objective_that_always_holds_has_no_end() -> None:
    found = headroom(curve_of("latency_p99", [0.1, 0.2, 0.3, 0.4]), [objective(at_most="1s")])
    assert (found[0].factor, found[0].open_ended) == (2.0, True)


def test_an_objective_that_never_holds_has_none() -> None:
    assert headroom(curve_of("latency_p99", [2.0, 3.0, 4.0, 5.0]), [objective(at_most="1s")])[0].factor == 0.0


def test_the_first_to_break_comes_first() -> None:
    both = pd.concat(
        [curve_of("latency_p99", [0.1, 0.2, 0.6, 3.0]), curve_of("success_ratio", [1.0, 0.9, 0.5, 0.1])]
    )
    found = headroom(both, [objective(at_most="500ms"), objective(at_least="95%")])
    assert [each.objective.metric for each in found] == ["success_ratio", "latency_p99"]


def test_an_objective_that_the_curve_lacks_is_left_out() -> None:
    assert headroom(curve_of("goodput", [1.0, 2.0, 3.0, 4.0]), [objective(at_most="1s")]) == []


def test_the_knee_is_where_goodput_over_latency_is_greatest() -> None:
    # Of M/M/1 the power ρ(1 - ρ) is greatest at half its capacity (Kleinrock, 1979).
    loads = [0.1, 0.3, 0.5, 0.7, 0.9]
    columns = {"offered_rate": loads, "subject": "traffic:web"}
    goodput = pd.DataFrame({**columns, "metric": "goodput", "mean": loads})
    delay = pd.DataFrame(
        {**columns, "metric": "latency_mean", "mean": [1.0 / (1.0 - load) for load in loads]}
    )
    both = pd.concat([goodput, delay])
    assert knee(both, "traffic:web") == 0.5
    assert knee(both[both["offered_rate"] >= 0.5], "traffic:web") is None
    assert knee(both[both["offered_rate"] < 0.4], "traffic:web") is None
