"""`forebay init`: writes a commented scenario to start from, with the schema for editors beside it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.cli.options import NoColorOption, QuietOption
from sim.cli.printing import Table, json_text
from sim.cli.terminal import Terminal
from sim.errors import UsageError
from sim.scenario.suggestions import nearest
from sim.shipped import question, shipped

STARTER = "starter"
SCHEMA_FILE = "forebay.schema.json"
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
SCHEMA_MARK = "# yaml-language-server:"


def templates() -> dict[str, Path]:
    """Every template by its name: the commented starter, then the shipped scenarios."""
    here = Path(__file__).resolve().parent.parent / "templates"
    return {STARTER: here / f"{STARTER}.yaml", **shipped()}


def complete_template(incomplete: str) -> list[tuple[str, str]]:
    """Completions of a template's name, with the question it asks."""
    return [(name, question(path)) for name, path in templates().items() if name.startswith(incomplete)]


def command(
    template: Annotated[
        str,
        typer.Argument(metavar="[TEMPLATE]", help="What to start from.", autocompletion=complete_template),
    ] = STARTER,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Where to write it, - for stdout; by default scenario.yaml, or the template's name.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the templates and stop.")] = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Write a commented scenario to start from."""
    terminal = Terminal(quiet, no_color)
    if listed:
        rows = [(name, question(path)) for name, path in templates().items()]
        terminal.show(Table("", ("template", "what it asks"), rows))
        return 0
    source = find_template(template)
    text = with_schema_line(source.read_text(encoding="utf-8"))
    if to == "-":
        terminal.write(text)
        return 0
    target = Path(to or ("scenario.yaml" if template == STARTER else source.name))
    if template == STARTER:  # the starter is called after the file that it becomes
        name = target.stem if target.stem.isidentifier() else json.dumps(target.stem)
        text = text.replace("name: starter", f"name: {name}").replace("scenario.yaml", target.name)
    copies = {target: text.encode(), **data_files(source, target)}
    there = [str(path) for path in copies if path.exists()]
    if there and not force:
        advice = "write elsewhere with --to FILE, or over it with --force"
        raise UsageError(f"{' and '.join(there)} is already there; {advice}")
    from sim.scenario.schema import json_schema

    copies[target.parent / SCHEMA_FILE] = json_text(json_schema()).encode()
    for path, content in copies.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        terminal.write(str(path))
    terminal.note(f"next: forebay explain {target}")
    return 0


def find_template(name: str) -> Path:
    """The file of a template. Raises UsageError with the nearest names."""
    known = templates()
    bare = name.removesuffix(".yaml")
    if bare in known:
        return known[bare]
    near = nearest(bare, known)
    advice = f"did you mean {near}?" if near else "`forebay init --list` names them"
    raise UsageError(f"no such template: {name}; {advice}")


def with_schema_line(text: str) -> str:
    """The text with the line, and only one, that tells an editor's YAML server where the schema is."""
    lines = [line for line in text.splitlines() if not line.startswith(SCHEMA_MARK)]
    return "\n".join([SCHEMA_LINE, *lines]) + "\n"


def data_files(source: Path, target: Path) -> dict[Path, bytes]:
    """The data files that a template reads, at the same place relative to where the scenario is written."""
    from ruamel.yaml import YAML

    document = YAML(typ="safe", pure=True).load(source.read_text(encoding="utf-8"))
    names = sorted(set(_files_named(document)))
    return {target.parent / name: (source.parent / name).read_bytes() for name in names}


def _files_named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "file" and isinstance(inner, str):
                yield inner
            else:
                yield from _files_named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files_named(inner)
