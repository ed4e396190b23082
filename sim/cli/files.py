"""From what a person types to a scenario: a path, the name of a shipped scenario, `--set path=value`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import UsageError
from sim.scenario.suggestions import nearest
from sim.shipped import SUFFIXES, configs_directory, meant, question, shipped

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario


def locate(name: str) -> Path:
    """The file that `name` means: a path, else a shipped scenario. Raises UsageError with what comes near."""
    path = meant(name)
    if path.exists() and not path.is_dir():
        return path
    if path.is_dir():
        raise UsageError(f"{name} is a folder, not a scenario file; {_advice(_nearby(path))}")
    near = _nearby(path.parent, path.stem) or nearest(path.stem, shipped())
    raise UsageError(f"no such scenario file: {name}; {_advice(near)}")


def make_room(option: str, target: Path | None, inputs: Iterable[Path]) -> None:
    """Makes the folder of a file to be written, before the runs, which may be long.

    Raises:
        UsageError: it is one of the files that are read.
        OSError: there can be no such folder.
    """
    if target is None:
        return
    if target.exists() and any(target.samefile(path) for path in inputs if path.exists()):
        raise UsageError(f"{option} {target} is a file that is read here, and would be lost; name another")
    if target.is_dir():
        raise UsageError(f"{option} {target} is a folder; name a file in it")
    target.parent.mkdir(parents=True, exist_ok=True)


def complete_scenario(incomplete: str) -> list[tuple[str, str]]:
    """Completions of a scenario: shipped names with the question each asks, then files and folders."""
    found = [(name, question(path)) for name, path in shipped().items() if name.startswith(incomplete)]
    directory, _, start = incomplete.rpartition("/")
    folder = Path(directory or ("/" if incomplete.startswith("/") else "."))
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.name.startswith(start) and (path.is_dir() or path.suffix in SUFFIXES):
                shown = f"{directory}/{path.name}" if "/" in incomplete else path.name
                found.append((f"{shown}/" if path.is_dir() else shown, ""))
    return found


def load_scenario(name: str, settings: Sequence[str] | None = None) -> "Scenario":
    """Reads a scenario and sets what `--set` says.

    Raises:
        UsageError: no such file, or a setting that is not `path=value`.
        ScenarioError: every problem of the file, or of the values set.
    """
    path = locate(name)
    changes = parse_settings(settings or ())
    from sim.scenario.loader import load

    scenario = load(path)
    return scenario.set(changes)


def parse_settings(settings: Iterable[str]) -> dict[str, str]:
    """`["services.api.workers=12"]` -> `{"services.api.workers": "12"}`; the scenario reads the values."""
    changes: dict[str, str] = {}
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path.strip():
            raise UsageError(f"--set {setting} is not path=value; write --set services.api.workers=12")
        changes[path.strip()] = value.strip()
    return changes


def run_as(scenario: "Scenario", **options: object) -> "Scenario":
    """The scenario with what the options say of its run, None for what they do not; errors name the option."""
    for name, value in options.items():
        if value is not None:
            scenario = scenario.set(f"run.{name}", value, label=f"--{name} {value}")
    return scenario


def with_precision(scenario: "Scenario", wanted: str | None) -> "Scenario":
    """The scenario that wants the precision written as `--precision` has it; itself for None.

    Raises:
        UsageError: it is not a subject, a metric and a share.
        ScenarioError: one of them is wrong.
    """
    if wanted is None:
        return scenario
    words = wanted.split()
    if len(words) != 3:
        raise UsageError(
            f"--precision {wanted!r} is not a subject, a metric and a share; "
            "write --precision 'traffic:web latency_p99 2%'"
        )
    precision: dict[str, object] = dict(zip(("subject", "metric", "relative"), words, strict=True))
    kept = scenario.run.precision
    if kept is not None:
        precision |= {"confidence": kept.confidence, "most": kept.most}
    return scenario.set("run.precision", precision, label="--precision")


def page_path(out: Path | None, name: str, ending: str, kind: str) -> Path:
    """Where a page goes: the file said, into the folder said, or into the current one as `<name>-<kind>`."""
    page = Path(f"{file_name(name)}-{kind}.{ending}")
    if out is None:
        return page
    return out / page if out.is_dir() or not out.suffix else out


def file_name(name: str) -> str:
    """A scenario's name as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip(".")


def _nearby(folder: Path, name: str = "") -> str:
    """The scenario file in a folder whose name is most like `name`; the first, if any name will do."""
    if not folder.is_dir():
        return ""
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}
    match = nearest(name, files) if name else next(iter(files), "")
    return str(files[match]) if match else ""


def _advice(candidate: str) -> str:
    if candidate:
        return f"did you mean {candidate}?"
    return f"`forebay init --list` names those shipped in {configs_directory().name}/"
