"""What the documents say runs: ```python blocks, and ```sh blocks marked `tested`, in a folder of their own.

A ```text block marked `output` begins with its command, `$ forebay …`; its lines are what that prints, in order.

A file's Python blocks share their names and run in order. A block marked `illustration` is only looked at.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!`)\]\((?!https?:|mailto:|#)([^)#\s]+)")


def blocks(page: Path, language: str) -> list[tuple[str, str]]:
    """The marks and the text of each fenced block of a language."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(marks.strip(), text) for name, marks, text in found if name == language]


def scripts(language: str, wanted: bool, mark: str) -> list[tuple[Path, str]]:
    """For each page, its blocks of a language that bear the mark (or do not), in order, as one script."""
    chosen = []
    for page in PAGES:
        texts = [text for marks, text in blocks(page, language) if (mark in marks.split()) is wanted]
        if texts:
            chosen.append((page, "\n".join(texts)))
    return chosen


def name_of(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else "script"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder that sees the configs, as a reader in a checkout does."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    return tmp_path


def carry_out(command: list[str], folder: Path) -> str:
    """What a script prints where `forebay` and `python` are those under test; it must exit 0."""
    bin_directory = folder / "bin"
    bin_directory.mkdir()
    (bin_directory / "forebay").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sim "$@"\n')
    (bin_directory / "forebay").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(bin_directory), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "MPLBACKEND": "Agg",
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(("page", "script"), scripts("python", False, "illustration"), ids=name_of)
def test_python_examples_run(page: Path, script: str, folder: Path) -> None:
    assert page.is_file()
    carry_out([sys.executable, "-W", "error", "-c", script], folder)


@pytest.mark.parametrize(("page", "script"), scripts("sh", True, "tested"), ids=name_of)
def test_commands_run(page: Path, script: str, folder: Path) -> None:
    assert page.is_file()
    carry_out(["bash", "-euo", "pipefail", "-c", script], folder)


@pytest.mark.parametrize(("page", "text"), scripts("text", True, "output"), ids=name_of)
def test_output_is_as_shown(page: Path, text: str, folder: Path) -> None:
    command, *shown = text.splitlines()
    assert page.is_file()
    assert command.startswith("$ forebay ")
    printed = iter(carry_out(["bash", "-c", command.removeprefix("$ ")], folder).splitlines())
    missing = [line for line in shown if line.strip() and line not in printed]
    assert shown
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_scenarios_shown_are_valid(page: Path) -> None:
    from sim.scenario.loader import loads

    for marks, text in blocks(page, "yaml"):
        if "scenario" in marks.split():
            loads(text, name=page.name, directory=ROOT / "configs")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_readme_begins_with_its_two_lines() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^<!-- (report-line|test-line) -->\n```sh\n([^\n]+)\n```$", text, re.MULTILINE)
    assert [name for name, _ in found] == ["report-line", "test-line"]
    assert all(line.startswith("python3 -m venv .venv && ") for _, line in found)
    assert "pytest" in found[1][1]
    head = text.split("\n## ", 1)[0]
    assert "report-line" in head
    assert "test-line" in head
