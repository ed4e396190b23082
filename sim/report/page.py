"""The report: sections in order, written as one HTML page or as Markdown with pictures beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from sim.errors import UsageError
from sim.report.blocks import Section
from sim.report.material import Material, Progress, Studies, gather
from sim.report.sections.audit import audit
from sim.report.sections.closing import closing
from sim.report.sections.frontier import frontier
from sim.report.sections.growth import growth
from sim.report.sections.inputs import inputs
from sim.report.sections.load import goodput, hockey_stick
from sim.report.sections.queue import queue
from sim.report.sections.sensitivity import tornado
from sim.report.sections.sizing import sizing
from sim.report.sections.stability import stability_map
from sim.report.sections.timeline import timeline
from sim.report.sections.verdict import verdict
from sim.scenario.scenario import Scenario, refuse_no_scenario

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from sim.measure.results import Results

SECTIONS: tuple[Callable[[Material], Section | None], ...] = (
    verdict,
    inputs,
    hockey_stick,
    sizing,
    timeline,
    goodput,
    stability_map,
    growth,
    tornado,
    frontier,
    audit,
    queue,
    closing,
)
"""In the order of the page. One that gives None is left out."""

Format = Literal["html", "md"]
TEMPLATES = Path(__file__).parent / "templates"
SIGNS = {
    "met": "✓",
    "missed": "✗",
    "inconclusive": "?",
    "none": "·",
    "better": "✓",
    "worse": "✗",
    "mixed": "±",
    "same": "·",
}
WORDS = {
    "met": "Met.",
    "missed": "Missed.",
    "inconclusive": "Inconclusive.",
    "none": "No objectives.",
    "better": "Better.",
    "worse": "Worse.",
    "mixed": "Better and worse.",
    "same": "No difference shown.",
}


@dataclass(frozen=True)
class Report:
    """A report ready to be written: its name, verdict, a line about the runs, its sections, and what kind it is."""

    name: str
    verdict: str
    subtitle: str
    sections: tuple[Section, ...]
    kind: str = "Capacity report"

    def html(self) -> str:
        """One page that needs nothing beside it."""
        template = environment().get_template("report.html.j2")
        return template.render(
            title=f"{self.name} – {self.kind.lower()}",
            kind=self.kind,
            name=self.name,
            subtitle=self.subtitle,
            sections=self.sections,
            version=version(),
            footer=f"Made by Forebay {version()}. The same scenario, seed and versions make the same page.",
            signs=SIGNS,
            words=WORDS,
            verdicts=("met", "missed", "inconclusive", "holds", "broken", "better", "worse"),
        )

    def _repr_html_(self) -> str:
        from html import escape

        look = "width:100%;height:48rem;border:1px solid #ddd"
        return f'<iframe srcdoc="{escape(self.html())}" style="{look}" title="{escape(self.name)}"></iframe>'


def build(
    scenario: Scenario,
    results: Results | None = None,
    *,
    curves: bool = True,
    source: str = "scenario.yaml",
    jobs: int | None = None,
    progress: Progress | None = None,
    **studies: Unpack[Studies],
) -> Report:
    """The report of a scenario; runs it, and the studies around it, as far as they are not given.

    Args:
        scenario: what to report on; with `results`, the scenario of the results is used.
        results: of `sim.run`, to be used instead of a run.
        curves: whether to make any study that is not given; without, there are only the sections of the run itself
            and of what is given.
        source: the name of the scenario's file, for the command that makes the report again.
        jobs: threads.
        progress: told the share that is done, 0 to 1.
        studies: as named in `Studies`, to be used instead of new runs: `plan=sim.plan(scenario)` and others.
    """
    refuse_no_scenario(scenario)
    material = gather(
        scenario, results, curves=curves, source=source, jobs=jobs, progress=progress, **studies
    )
    sections = tuple(section for make in SECTIONS if (section := make(material)) is not None)
    results = material.results
    count = "1 replication" if results.replications == 1 else f"{results.replications} replications"
    subtitle = f"Forebay {version()} · scenario {material.scenario.hash} · seed {results.seed} · {count}"
    return Report(material.scenario.name, material.verdict, subtitle, sections)


def write(report: Report, path: Path | str, format: Format = "html") -> list[Path]:  # noqa: A002
    """Write a report: one HTML file, or a Markdown file with its pictures (PNG) in a folder beside it.

    Returns:
        The files written, the page first.

    Raises:
        UsageError: a format that is neither.
    """
    target = Path(path)
    if format == "html":
        target.write_text(report.html(), encoding="utf-8", newline="\n")
        return [target]
    if format == "md":
        from sim.report.markdown import write_markdown

        return write_markdown(report, target)
    raise UsageError(f'"{format}" is not a format of a report; write html or md')


def report(scenario: Scenario, path: Path | str, format: Format = "html", **options: Any) -> Report:  # noqa: A002
    """Build the report of a scenario and write it to `path`: HTML, or Markdown with pictures beside it.

    Args:
        scenario: what to report on.
        path: the file to write.
        format: `html` or `md`.
        options: as for `build`.
    """
    found = build(scenario, **options)
    write(found, path, format)
    return found


def version() -> str:
    """The version of this package."""
    try:
        return metadata.version("forebay")
    except metadata.PackageNotFoundError:
        return "from a checkout"


def environment() -> Environment:
    """The templates, with every text escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    made.filters["breakable"] = breakable
    return made


def breakable(text: str) -> Markup:
    """A cell, escaped: a key path may go on in another line after a dot, an interval stand below its figure.

    Else the tables of plans push their last columns off the page.
    """
    from markupsafe import Markup, escape

    interval = re.fullmatch(r"([^\[]+) (\[[^\[\]]*\])", text)
    if interval is not None:
        whole = Markup('<span class="whole">{}</span>')
        return Markup('<span class="loose">{} {}</span>').format(*map(whole.format, interval.groups()))
    return Markup(re.sub(r"(?<=[a-z0-9_\]])\.(?=[a-z_])", ".<wbr>", str(escape(text))))  # noqa: S704  # escaped
