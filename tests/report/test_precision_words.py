"""A precision in words, reached or not, and among the facts of the verdict."""

from dataclasses import replace
from math import inf, nan

import sim
from sim.report.blocks import Verdict
from sim.report.material import Material
from sim.report.precision_words import precision_words, reached_words
from sim.report.sections.verdict import verdict

QUEUE = """
traffic: {web: {arrivals: {kind: poisson, rate: 50/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}}
run: {duration: 20s, replications: 40, precision: {subject: "service:api", metric: wait_mean, relative: 20%}}
"""


def test_the_verdict_says_how_precise_it_is() -> None:
    results = sim.run(sim.loads(QUEUE))
    found = results.precision
    assert found is not None
    words = precision_words(found)
    assert words.startswith("mean wait of service api ")
    assert "where ± 20% is wanted, reached; 40 replications" in words
    (block,) = (
        each for each in verdict(Material(results.scenario, results)).blocks if isinstance(each, Verdict)
    )
    assert dict(block.facts)["Precision"] == words
    short = replace(found, reached=False, needed=52.0)
    assert reached_words(short) == "not reached: about 12 more"
    assert reached_words(replace(short, needed=inf)) == "not reached: some replications have no such figure"
    assert reached_words(replace(short, needed=nan)) == "not reached: no telling how many more"
