"""Writes the gallery: every shipped scenario with its headline figures and its timeline.

    python -m docs.gallery              the page and the pictures
    python -m docs.gallery --page       the page alone; the figures are what tests/test_gallery.py compares
    python -m docs.gallery --map        the map of docs/guide.md alone, which takes a minute

Run it in a checkout after a change that is meant to move figures, and read the difference before committing it.
"""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

import sim
from sim.report import compare
from sim.report.figures import figure, unit_shown
from sim.report.pictures.basin import basin
from sim.report.pictures.panels import busiest
from sim.report.pictures.windows import touching
from sim.scenario.metrics import unit_of
from sim.shipped import question, shipped
from sim.study.metastability.basin import basin_map
from sim.study.metastability.fates import Judging
from sim.study.metastability.recovery import recovery as recovered

if TYPE_CHECKING:
    from sim.measure.results import Results
    from sim.report.pictures.style import Picture

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "gallery.md"
PICTURES = DOCS / "pictures"

ORDER = (
    "spike_naive_retry",
    "spike_backoff_no_jitter",
    "spike_full_jitter",
    "retry_storm",
    "retry_storm_budget",
    "tipping_spike",
    "budgets_and_breakers",
    "bounded_queue",
    "rare_503",
    "long_queue",
    "lifo_and_codel",
    "spill_and_block",
    "write_conflict",
    "scale_on_lag",
    "one_slow_one_dead",
    "mm1",
    "closed_users",
    "day_profile",
    "llm_trace",
    "llm_poisson",
    "checkout_sale",
    "llm_gateway",
    "consumer_fleet",
    "run_out",
)
"""The order of the page; scenarios not named here follow in alphabetical order."""

MAPPED = "tipping_spike"
MAP = {"faults[0].rate": "x2..x10:20", "faults[0].for": "200ms..4000ms:20"}
"""The scenario that the guide maps, and over what."""

SPIKES = {
    "at once": "spike_naive_retry",
    "backoff, no jitter": "spike_backoff_no_jitter",
    "backoff, full jitter": "spike_full_jitter",
}
"""Heading -> scenario: the three that are set side by side."""

SHOWN = {
    "traffic": ("goodput", "success_ratio", "amplification", "latency_p50", "latency_p99"),
    "service": ("utilization", "queue_length", "wait_p95", "rejected_ratio", "wasted_ratio"),
}
"""Subject kind -> the metrics of a headline; those that say nothing in a scenario are left out."""

SAYS_NOTHING = {"success_ratio": 1.0, "amplification": 1.0, "rejected_ratio": 0.0, "wasted_ratio": 0.0}
DPI, COLOURS = 110.0, 256
"""A palette keeps a picture under 60 kB; with this many colours it also keeps the lines' own."""

HEAD = """# Gallery

Every scenario of [configs](../configs/): the question it asks, its headline figures and its timeline.
Estimates stand with their 95 % intervals over the replications; *theory* is the exact figure where a formula
applies. Runs are deterministic, so `python -m docs.gallery` writes this page again to the letter, and a test
holds it to that.

## One second of twelve times the load

Three scenarios that differ in one line, the clients' backoff. The service does 800/s and is offered 200/s, but
for one second in which it is offered 2,400/s. Its queue is longer than its clients' patience, and nobody tells
it whose patience is over.
"""

AFTER_SPIKES = """
Retried at once, the spike never ends: the queue stays full, every answer comes too late and is asked for again,
and a service at a quarter of its load answers nobody. With backoff but no jitter all who failed together come
back together, and the spike repeats itself again and again. With full jitter they come back spread out, into
room that is there.

Jitter is no charm. What comes back must fit into what is idle: here some 2,000 requests over six seconds into
600/s. [The notebook](../notebooks/03_backoff_and_jitter.ipynb) moves the backoff's base and finds where jitter
is worse than none.
"""


def names() -> list[str]:
    """Every shipped scenario, in the order of the page."""
    known = shipped()
    return [name for name in ORDER if name in known] + [name for name in known if name not in ORDER]


def run_all() -> dict[str, Results]:
    """The results of every shipped scenario, by its name."""
    return {name: sim.run(sim.load(shipped()[name])) for name in names()}


def page(results: dict[str, Results]) -> str:
    """The page as Markdown."""
    parts = [
        HEAD,
        side_by_side(results),
        "",
        picture_line("spikes", "The three timelines on the same axes."),
        AFTER_SPIKES,
    ]
    parts += [section(name, found) for name, found in results.items()]
    return "\n".join(parts)


def section(name: str, results: Results) -> str:
    """One scenario: its question, its figures, its verdict, its picture."""
    path = shipped()[name]
    lines = [
        f"## {name}",
        "",
        f"{question(path)} [configs/{path.name}](../configs/{path.name})",
        "",
        *figures(results),
        "",
    ]
    lines += [f"- {line}" for line in [*objectives(results), *recovery(results)]]
    lines += ["", picture_line(name, f"Timeline of {name}."), ""]
    return "\n".join(lines)


def figures(results: Results) -> list[str]:
    """The headline's table: measured, and exact where there is a formula."""
    exact = theory(results)
    rows = ["| subject | metric | measured | theory |", "|---|---|---|---|"]
    for row in rows_of(results.summary):
        if row["metric"] not in SHOWN.get(row["subject"].partition(":")[0], ()):
            continue
        if math.isnan(row["mean"]) or SAYS_NOTHING.get(row["metric"]) == row["mean"]:
            continue
        unit = unit_shown(row["metric"], row["unit"])
        known = exact.get((row["subject"], row["metric"]), math.nan)
        measured = figure(row["mean"], row["low"], row["high"], unit)
        formula = "" if math.isnan(known) else figure(known, unit=unit)
        rows.append(f"| {row['subject']} | {row['metric']} | {measured} | {formula} |")
    return rows


def theory(results: Results) -> dict[tuple[str, str], float]:
    """(subject, metric) -> the figure of the first exact model that applies."""
    found: dict[tuple[str, str], float] = {}
    for model in sim.theory(results.scenario).models:
        if model.exact:
            for row in rows_of(model.summary):
                found.setdefault((row["subject"], row["metric"]), row["mean"])
    return found


def objectives(results: Results) -> list[str]:
    """Each objective in words, with its verdict."""
    lines = []
    for row in rows_of(results.objectives):
        unit = unit_shown(row["metric"], unit_of(row["metric"]))
        at_most = not math.isnan(row["at_most"])
        sign, bound = ("at most", row["at_most"]) if at_most else ("at least", row["at_least"])
        lines.append(
            f"{row['subject']} {row['metric']} {sign} {figure(bound, unit=unit)}: **{row['verdict']}**"
        )
    return lines


def recovery(results: Results) -> list[str]:
    """After a fault: in how many replications the backlog was down again by the end."""
    service = busiest(results)
    found = recovered(results, service, touching(results.scenario, service))
    if found is None:
        return []
    median = f", half of them within {found.middle:.3g} s" if math.isfinite(found.middle) else ""
    text = f"backlog down again by the end in {found.recovered} of {len(found.times)} replications{median}"
    low, high = found.interval()
    return [f"{text} (95 % interval of that share: {100 * low:.0f} % to {100 * high:.0f} %)"]


def side_by_side(results: dict[str, Results]) -> str:
    """The three spikes in one table."""
    wanted = (
        ("traffic:web", "success_ratio", "ratio"),
        ("traffic:web", "amplification", "count"),
        ("service:api", "wasted_ratio", "ratio"),
        ("service:api", "rejected_rate", "1/s"),
    )
    columns = ("retried …", "success ratio", "attempts per request", "work wasted", "503s")
    lines = [f"| {' | '.join(columns)} |", "|---|---|---|---|---|"]
    for heading, name in SPIKES.items():
        cells = [
            figure(results[name].estimate(subject, metric)[0], unit=unit) for subject, metric, unit in wanted
        ]
        lines.append(f"| {heading} | {' | '.join(cells)} |")
    return "\n".join(lines)


def picture_line(name: str, words: str) -> str:
    """The line that shows a picture."""
    return f"![{words}](pictures/{name}.png)"


def pictures(results: dict[str, Results]) -> dict[str, Picture]:
    """Every picture of the page, by its file's name without suffix."""
    drawn = {name: found.plot.timeline() for name, found in results.items()}
    return {"spikes": compare({heading: results[name] for heading, name in SPIKES.items()}), **drawn}


def small_png(picture: Picture) -> bytes:
    """A picture as a PNG with a palette."""
    with Image.open(io.BytesIO(picture.png(DPI))) as image:
        stream = io.BytesIO()
        image.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        ).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of a table."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def map_picture() -> Picture:
    """The map of the guide: height and duration of a spike at a 200/s service, ±5 points near its edge."""
    scenario = sim.load(shipped()[MAPPED])
    return basin(basin_map(scenario, MAP, judging=Judging(horizon=10.0)))


def main(arguments: list[str]) -> None:
    """Writes the page and, unless told otherwise, the pictures."""
    if "--map" in arguments:
        (PICTURES / f"{MAPPED}_map.png").write_bytes(small_png(map_picture()))
        return
    results = run_all()
    PAGE.write_text(page(results), encoding="utf-8", newline="\n")
    if "--page" in arguments:
        return
    PICTURES.mkdir(exist_ok=True)
    for name, picture in pictures(results).items():
        content = small_png(picture)
        (PICTURES / f"{name}.png").write_bytes(content)
        sys.stdout.write(f"{name}.png {len(content) / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
