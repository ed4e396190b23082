"""Cases without chance: every figure is exact."""

from __future__ import annotations

import pytest

from tests.published.judging import logged, simulate
from tests.published.stations import FACTS, TRAFFIC, per_second, run_for, seconds, station


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_pause_without_retries(engine: str) -> None:
    """A pause of 1 s at 70 % load, a timeout of 0.5 s: the requests of the next seconds come late, no others.

    The source's server finishes what it has in hand when the pause begins, so it stops 0.1 s late.
    """
    facts = FACTS["happy_gc_collapse_noretry"]
    p, expected = facts["params"], facts["expected"]
    document = station(
        {"kind": "constant", "rate": per_second(p["rate"])},
        seconds(p["service"]),
        client={"timeout": seconds(p["timeout"])},
    )
    begin = p["pause_at"] + p["service"]
    lasting = p["pause_at"] + p["pause_for"] - begin
    document["faults"] = [
        {"at": seconds(begin), "for": seconds(lasting), "service": "station", "pause": True}
    ]
    results = simulate(run_for(document, "pause", p["horizon"], replications=1), engine=engine)
    books = results.conservation
    assert (books["born"], books["success"], books["timeout"], books["open"]) == (
        expected["generated"],
        expected["success"],
        expected["timeouts"],
        expected["final_queue"],
    )
    assert results.estimate(TRAFFIC, "success_ratio")[0] == expected["success"] / expected["generated"]


def test_pause_that_freezes_the_request_in_hand() -> None:
    """The other reading of the same case: the request that comes as the pause begins is paused too."""
    facts = FACTS["happy_gc_collapse_noretry"]
    p, expected = facts["params"], facts["expected"]["if_paused"]
    document = station(
        {"kind": "constant", "rate": per_second(p["rate"])},
        seconds(p["service"]),
        client={"timeout": seconds(p["timeout"])},
    )
    document["faults"] = [
        {"at": seconds(p["pause_at"]), "for": seconds(p["pause_for"]), "service": "station", "pause": True}
    ]
    books = simulate(run_for(document, "pause", p["horizon"], replications=1)).conservation
    assert (books["success"], books["timeout"]) == (expected["success"], expected["timeouts"])


def test_workers_who_stay_past_their_shift() -> None:
    """Work in hand when the staff changes is finished: how long after the shift in which it began."""
    facts = FACTS["ciw_overtime"]
    p = facts["params"]
    gap = float(p["arrival"].removeprefix("every "))
    document = station(
        {"kind": "constant", "rate": per_second(1.0 / gap)}, seconds(p["service"]), workers=p["servers"][0]
    )
    begins = [0.0, *p["shift_end"]]
    document["faults"] = [
        {"at": seconds(begin), "for": seconds(end - begin), "service": "station", "workers": workers}
        for begin, end, workers in zip(begins[1:-1], begins[2:], p["servers"][1:], strict=True)
    ]
    log = logged(run_for(document, "shifts", p["horizon"], replications=1))
    served = log[log["started"] < p["horizon"]]
    overtime = []
    for started, finished in zip(served["started"], served["finished"], strict=True):
        end = min(shift for shift in p["shift_end"] if shift > started)
        if finished > end:
            overtime.append(finished - end)
    assert overtime == pytest.approx(facts["expected"]["overtime"], abs=1e-12)
