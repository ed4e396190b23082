"""The notebooks are told from clean: no outputs kept, nothing defined, every figure asserted or printed."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


def code_of(cell: dict[str, Any]) -> ast.Module:
    return ast.parse("".join(cell["source"]))


def test_they_are_numbered() -> None:
    assert len(NOTEBOOKS) >= 4
    assert [int(path.name[:2]) for path in NOTEBOOKS] == list(range(1, len(NOTEBOOKS) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.stem))
def test_notebook_is_clean_and_defines_nothing(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert cells[0]["cell_type"] == "markdown"
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    trees = [code_of(cell) for cell in code]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
    assert [node for node in nodes if isinstance(node, ast.Assert)], "its claims are held by asserts"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.stem))
def test_notebook_opens_what_is_there(path: Path) -> None:
    named = re.findall(r'sim\.load\(\\?"([^"\\]+)', path.read_text(encoding="utf-8"))
    assert named
    assert all((path.parent / name).is_file() for name in named)
