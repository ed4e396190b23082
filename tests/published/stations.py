"""The published cases in steady state, as scenarios: a case's parameters in, a document and its checks out.

A check ties one metric of one subject to the figure that the source gives for it, in base units: s, 1/s, ratios.
Where a source counts otherwise than this language does, the derivation stands beside the case.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

Facts = Mapping[str, Any]
Document = dict[str, Any]

FACTS: Final[dict[str, Facts]] = {
    case["id"]: case
    for case in json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))
}
"""The published figures by the name of their case, each with its source."""

SERVICE, TRAFFIC = "service:station", "traffic:jobs"

USUAL: Final = {
    "L": "in_system",
    "Lq": "queue_length",
    "W": "sojourn_mean",
    "Wq": "wait_mean",
    "utilization": "utilization",
    "throughput": "throughput",
    "p_wait": "wait_probability",
    "p_all_busy": "wait_probability",  # Poisson arrivals see time averages
    "p_block": "rejected_ratio",
    "W_p95": "sojourn_p95",
    "W_p99": "sojourn_p99",
    "Wq_p99": "wait_p99",
}
"""A figure's letter in the sources -> the service's metric."""


@dataclass(frozen=True)
class Check:
    """One metric and its known value."""

    subject: str
    metric: str
    truth: float


@dataclass(frozen=True)
class Case:
    """One scenario with known answers.

    `within` is how wide half of an interval may be, relative to the truth: a wider one could hide an error.
    """

    name: str
    document: Document
    checks: tuple[Check, ...]
    within: float


def seconds(value: float | str) -> str:
    """A duration as a scenario spells it; text may be a fraction such as 1/3."""
    return f"{float(Fraction(value)):.17g}s"


def per_second(value: float | str) -> str:
    """A rate as a scenario spells it; text may be a fraction such as 1/3."""
    return f"{float(Fraction(value)):.17g}/s"


def exponential(mean: float | str) -> Document:
    """An exponential duration."""
    return {"kind": "exponential", "mean": seconds(mean)}


def poisson(rate: float | str) -> Document:
    """Poisson arrivals."""
    return {"kind": "poisson", "rate": per_second(rate)}


def station(
    arrivals: Document,
    service_time: Document | str,
    *,
    workers: float | str = 1,
    places: float | None = None,
    client: Document | str | None = None,
    queue: Document | None = None,
    **service: Any,
) -> Document:
    """One class of traffic at one service; `places` to wait, without a limit if None."""
    waiting = dict(queue or {}) | ({} if places is None else {"capacity": places})
    traffic: Document = {"arrivals": arrivals, "call": "station"} | (
        {} if client is None else {"client": client}
    )
    return {
        "traffic": {"jobs": traffic},
        "services": {
            "station": {"workers": workers, "service_time": service_time, "queue": waiting, **service}
        },
    }


def seed_of(name: str) -> int:
    """A case's seed, by a rule laid down beforehand: none is picked, and no two cases share their draws."""
    return zlib.crc32(name.encode())


def run_for(
    document: Document, name: str, duration: float, warmup: float = 0.0, replications: int = 40, **more: Any
) -> Document:
    """The document with its name and its run: seconds, of which the first are left out."""
    run = {"duration": seconds(duration), "warmup": seconds(warmup), "replications": replications}
    return document | {"name": name, "run": run | {"seed": seed_of(name), "series": seconds(duration)} | more}


def usual(expected: Mapping[str, Any]) -> tuple[Check, ...]:
    """The checks of the figures whose letters mean the same everywhere."""
    return tuple(
        Check(SERVICE, metric, expected[letter]) for letter, metric in USUAL.items() if letter in expected
    )


def _birth_death(p: Facts) -> Document:
    """M/M/c and M/M/c/K: K counts those in service too."""
    mean = p["mean_service"] if "mean_service" in p else 1 / Fraction(p["mu"])
    workers = p.get("c", 1)
    return station(
        poisson(p["lam"]),
        exponential(float(mean)),
        workers=workers,
        places=p["K"] - workers if "K" in p else None,
    )


def _users(
    users: int, think: float, service: float, workers: int = 1, places: float | None = None
) -> Document:
    arrivals = {"kind": "closed", "users": users, "think": exponential(think)}
    return station(arrivals, exponential(service), workers=workers, places=places)


ERLANG_2: Final = {"kind": "erlang", "mean": "1s", "shape": 2}
HYPEREXPONENTIAL: Final = {"kind": "hyperexponential", "mean": "1s", "cv": 2}


def _erlang_a(facts: Facts) -> tuple[Document, tuple[Check, ...]]:
    """The patience is `max_wait`; `wait_probability` is of the served alone, and who leaves has waited."""
    p, expected = facts["params"], facts["expected"]
    document = station(
        poisson(p["lam"]),
        exponential(1.0 / p["mu"]),
        workers=p["c"],
        queue={"max_wait": exponential(1.0 / p["theta"])},
    )
    left = expected["p_abandon"]
    return document, (
        *usual({letter: expected[letter] for letter in ("Lq", "L", "utilization")}),
        Check(SERVICE, "rejected_ratio", left),
        Check(SERVICE, "wait_probability", (expected["p_wait"] - left) / (1.0 - left)),
    )


def _retrial(facts: Facts) -> tuple[Document, tuple[Check, ...]]:
    """No waiting places; who is refused comes again after an exponential time, without end.

    With `giveup_rate` those in orbit also leave: a share nu/(nu + giveup) of the refused comes again, after a
    time of rate nu + giveup. Here the others give up at once, so the orbit is that share of the published one.
    """
    p, expected = facts["params"], facts["expected"]
    leave = p.get("giveup_rate", 0.0)
    again = p["nu"] / (p["nu"] + leave)
    workers = p.get("c", 1)
    backoff = {"kind": "random", "delay": exponential(1.0 / (p["nu"] + leave))}
    document = station(
        poisson(p["lam"]),
        exponential(1.0 / p["mu"]),
        workers=workers,
        places=p.get("K", workers) - workers,
        client={"retry": {"attempts": "inf", "probability": again, "backoff": backoff}},
    )
    checks = [Check(TRAFFIC, "orbit", again * expected["mean_orbit"])]
    if workers == 1:
        checks.append(Check(SERVICE, "utilization", expected["p_full"]))
    for letter, metric in {
        "L_system": "in_system",
        "throughput": "throughput",
        "attempts_rate": "arrival_rate",
        "attempt_reject_fraction": "rejected_ratio",
    }.items():
        if letter in expected:
            checks.append(Check(SERVICE, metric, expected[letter]))
    return document, tuple(checks)


def _priorities(facts: Facts) -> tuple[Document, tuple[Check, ...]]:
    """Two classes, the first before the second; neither interrupts a service."""
    p, expected = facts["params"], facts["expected"]
    document = station(poisson(p["lams"][0]), exponential(1.0 / p["mu"][0]), queue={"discipline": "priority"})
    document["traffic"]["rest"] = {"arrivals": poisson(p["lams"][1]), "call": "station", "priority": 1}
    first, second = expected["W_class"]
    return document, (Check(TRAFFIC, "latency_mean", first), Check("traffic:rest", "latency_mean", second))


def _deadline(facts: Facts) -> tuple[Document, tuple[Check, ...]]:
    """The deadline is a timeout that cancels nothing: who comes late has been served for nothing."""
    p, expected = facts["params"], facts["expected"]
    document = _birth_death(p)
    document["traffic"]["jobs"]["client"] = {"timeout": seconds(p["deadline"])}
    refused = expected["p_reject"]
    late = (1.0 - refused) * expected["p_late_given_accepted"]
    return document, (
        Check(SERVICE, "rejected_ratio", refused),
        Check(SERVICE, "throughput", expected["throughput"]),
        Check(TRAFFIC, "timeout_ratio", late),
        Check(TRAFFIC, "goodput", expected["goodput"]),
    )


def failures(facts: Facts, place: int) -> tuple[Document, tuple[Check, ...]]:
    """Every attempt fails with the same chance, whatever the load, and is tried again at once."""
    p, expected = facts["params"], facts["expected"]
    document = station(
        poisson(10.0),
        exponential(0.01),
        workers="inf",
        client={"retry": {"attempts": p["N"] + 1}},
        error_ratio=p["f"][place],
    )
    return document, (
        Check(TRAFFIC, "success_ratio", expected["success"][place]),
        Check(TRAFFIC, "amplification", expected["amplification"][place]),
    )


def _plain(build: Callable[[Facts], Document]) -> Callable[[Facts], tuple[Document, tuple[Check, ...]]]:
    """A case all of whose figures have the usual letters."""
    return lambda facts: (build(facts["params"]), usual(facts["expected"]))


def _poisson_to(service_time: Document | str) -> Callable[[Facts], Document]:
    return lambda p: station(
        poisson(p["lam"]),
        service_time,
        workers=p.get("c", 1),
        places=p["K"] - p.get("c", 1) if "K" in p else None,
    )


def _shortest(facts: Facts) -> tuple[Document, tuple[Check, ...]]:
    document = _birth_death(facts["params"])
    document["services"]["station"]["queue"] = {"discipline": "shortest"}
    return document, (Check(SERVICE, "sojourn_mean", facts["expected"]["W_SJF"]),)


def _think(p: Facts) -> Document:
    return _users(p["N"], p["Z"] if "Z" in p else p["think"], p["D"][0] if "D" in p else p["service"])


def _modulated(p: Facts) -> Document:
    states = [
        {"rate": per_second(rate), "stay": seconds(1.0 / leave)}
        for rate, leave in zip(p["rates"], p["switch"], strict=True)
    ]
    return station({"kind": "mmpp", "states": states}, exponential(1.0 / p["mu"]))


Recipe = tuple[Callable[[Facts], tuple[Document, tuple[Check, ...]]], float, float, float]

RECIPES: Final[dict[str, Recipe]] = {
    "mm1_rho0.75": (_plain(_birth_death), 200_000, 10_000, 0.08),
    "mm2_9_5": (_plain(_birth_death), 8_000, 500, 0.10),
    "pdq_spamcan_mm4": (_plain(_birth_death), 500_000, 100_000, 0.50),
    "mm1k_rho1": (_plain(_birth_death), 50_000, 1_000, 0.03),
    "mmck_50_10_4_6": (_plain(_birth_death), 1_000, 20, 0.02),
    "mmck_sixto10_11": (
        lambda facts: (
            _birth_death(facts["params"]),
            # One job in 17,000 is refused: far too few for an interval that could fail.
            usual({letter: value for letter, value in facts["expected"].items() if letter != "p_block"}),
        ),
        8_000,
        100,
        0.05,
    ),
    "erlangB_2_2": (
        lambda facts: (
            station(poisson(facts["params"]["a"]), exponential(1), workers=facts["params"]["c"], places=0),
            usual(facts["expected"]),
        ),
        25_000,
        100,
        0.02,
    ),
    "erlangB_sixto10_12": (
        lambda facts: (
            station(
                poisson(facts["params"]["lam"]),
                exponential(1 / facts["params"]["mu"]),
                workers=facts["params"]["c"],
                places=0,
            ),
            usual(facts["expected"]),
        ),
        16_000,
        200,
        0.03,
    ),
    "mm1_kk_sixto10_13": (
        _plain(lambda p: _users(p["N"], 1.0 / p["lam_each"], 1.0 / p["mu"])),
        60_000,
        100,
        0.03,
    ),
    "pdq_mm1n_compile": (_plain(_think), 100_000, 5_000, 0.05),
    "engset_10_5": (
        lambda facts: (
            _users(
                facts["params"]["N"], 1.0 / facts["params"]["a_per_idle_source"], 1.0, facts["params"]["c"], 0
            ),
            (Check(SERVICE, "rejected_ratio", facts["expected"]["call_congestion"]),),
        ),
        10_000,
        100,
        0.03,
    ),
    "erlangA_overload": (_erlang_a, 600, 30, 0.03),
    "md1_08": (_plain(_poisson_to("1s")), 60_000, 3_000, 0.04),
    "me2_1": (_plain(_poisson_to(ERLANG_2)), 60_000, 3_000, 0.05),
    "md1k_5_0.9": (_plain(_poisson_to("1s")), 50_000, 500, 0.03),
    "dm1_08": (
        _plain(
            lambda p: station({"kind": "constant", "rate": per_second(p["lam"])}, exponential(1.0 / p["mu"]))
        ),
        60_000,
        3_000,
        0.05,
    ),
    "um1_08": (
        _plain(
            lambda p: station(
                {"kind": "renewal", "gap": {"kind": "uniform", "low": "0s", "high": "2.5s"}},
                exponential(1.0 / p["mu"]),
            )
        ),
        60_000,
        3_000,
        0.06,
    ),
    "mdc_2_0.8": (_plain(_poisson_to("1s")), 30_000, 1_000, 0.03),
    "mdc_10_0.9": (_plain(_poisson_to("1s")), 6_000, 300, 0.06),
    "me2_3_0.8": (_plain(_poisson_to(ERLANG_2)), 25_000, 1_000, 0.04),
    "me2_10_0.9": (_plain(_poisson_to(ERLANG_2)), 8_000, 400, 0.08),
    "mh2_3_0.8": (_plain(_poisson_to(HYPEREXPONENTIAL)), 25_000, 1_000, 0.12),
    "mmpp2m1": (_plain(_modulated), 150_000, 15_000, 0.15),
    "mm1_retrial_07_05": (_retrial, 50_000, 1_000, 0.06),
    "mmc_retrial_c2": (_retrial, 25_000, 1_000, 0.05),
    "mmck_retry_giveup": (_retrial, 4_000, 200, 0.05),
    "prio_np_ciw": (_priorities, 60_000, 2_000, 0.06),
    "sizebased_mm1_0.5": (_shortest, 60_000, 1_000, 0.02),
    "sizebased_mm1_0.9": (_shortest, 100_000, 10_000, 0.05),
    "sizebased_mm1_0.95": (_shortest, 200_000, 40_000, 0.08),
    "mva_allen_like": (
        lambda facts: (
            _think(facts["params"]),
            (
                Check(SERVICE, "throughput", facts["expected"]["X_system"]),
                Check(SERVICE, "sojourn_mean", facts["expected"]["R_system"]),
                Check(SERVICE, "in_system", facts["expected"]["Q"][0]),
                Check(SERVICE, "utilization", facts["expected"]["U"][0]),
            ),
        ),
        100_000,
        5_000,
        0.05,
    ),
    "ps_ciw": (
        _plain(
            lambda p: station(
                poisson(p["lam"]), exponential(1.0 / p["mu"]), sharing={"kind": "processor_sharing"}
            )
        ),
        20_000,
        500,
        0.03,
    ),
    "jsq2_1.8": (
        _plain(
            lambda p: station(
                poisson(p["lam"]),
                exponential(1.0 / p["mu"]),
                instances=p["servers"],
                balance="least_loaded",
            )
        ),
        100_000,
        5_000,
        0.05,
    ),
    "deadline_goodput_K3": (_deadline, 30_000, 500, 0.03),
    "deadline_goodput_K100": (_deadline, 30_000, 3_000, 0.03),
}
"""Case -> how it becomes a document and checks, the run's length and warm-up in seconds, and `within`."""


def cases() -> list[Case]:
    """Every published case in steady state that this language can say."""
    found = []
    for name, (build, duration, warmup, within) in RECIPES.items():
        document, checks = build(FACTS[name])
        found.append(Case(name, run_for(document, name, duration, warmup), checks, within))
    facts = FACTS["retry_closed_N"]
    for place, chance in enumerate(facts["params"]["f"]):
        document, checks = failures(facts, place)
        name = f"retry_closed_N_f{chance}"
        found.append(Case(name, run_for(document, name, 2_000), checks, 0.02))
    return found
