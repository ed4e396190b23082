"""Imports point one way.

units, draws, errors -> scenario -> engines | theory -> measure -> study -> report -> cli
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "sim"

# What each part may import besides itself. The public face, `sim/__init__.py`, names every part, lazily.
FOUNDATION = {"units", "draws", "errors", "shipped"}
ALLOWED = {
    "units": {"errors"},
    "draws": set(),
    "errors": set(),
    "shipped": set(),
    "scenario": FOUNDATION,
    "data": FOUNDATION | {"scenario"},
    "engines": FOUNDATION | {"scenario"},
    "theory": FOUNDATION | {"scenario"},
    "measure": FOUNDATION | {"scenario", "engines"},
    "study": FOUNDATION | {"scenario", "engines", "theory", "measure"},
    "report": FOUNDATION | {"scenario", "engines", "theory", "measure", "study"},
    "cli": FOUNDATION | {"scenario", "data", "engines", "theory", "measure", "study", "report"},
    "__main__": {"cli"},
}

# A scenario and its results draw themselves in a notebook: they delegate to the layer above by these seams
# alone, and each such import stands inside a function.
SEAMS = {
    ("scenario", "report"),
    ("measure", "report"),
    ("study", "report"),
}

HEAVY = {"numba", "llvmlite", "pandas", "matplotlib", "scipy", "simpy", "jinja2"}


def part_of(path: Path) -> str:
    """The part of `sim` that a file belongs to: `engines/reference.py` -> `engines`."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.Module, package: list[str]) -> Iterator[tuple[str, int, bool]]:
    """Every module that a file imports: its name, the line, and whether the import is late."""
    inside: set[ast.AST] = set()
    guarded: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inside.update(ast.walk(node))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            guarded.update(child for statement in node.body for child in ast.walk(statement))
    for node in ast.walk(tree):
        late = node in inside or node in guarded
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno, late
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            yield base, node.lineno, late
            for name in node.names:
                yield f"{base}.{name.name}", node.lineno, late
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value, node.lineno, True


def imports_of(path: Path) -> list[tuple[str, int, bool]]:
    """`imported` of the file at `path`, its own package resolved for relative imports."""
    package = list(path.relative_to(ROOT).parent.parts)
    return list(imported(ast.parse(path.read_text(encoding="utf-8"), str(path)), package))


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "configs" not in path.parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return
    part = part_of(path)
    assert part in ALLOWED, f"{part} has no place in the direction of imports: give it one in ALLOWED"
    wrong = []
    for name, line, late in imports_of(path):
        words = name.split(".")
        if words[0] != "sim" or len(words) == 1 or words[1] == part:
            continue
        target = words[1]
        if target not in ALLOWED:
            target = "sim"  # `from sim import load`: the public face, which is above every part
        if target in ALLOWED[part] or (late and (part, target) in SEAMS):
            continue
        wrong.append(f"{path.relative_to(ROOT)}:{line}: {part} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_engines_and_theory_never_import_each_other() -> None:
    assert "theory" not in ALLOWED["engines"]
    assert "engines" not in ALLOWED["theory"]


@pytest.mark.parametrize("part", ["units", "draws", "errors", "shipped", "scenario", "cli"])
def test_light_parts_import_heavy_libraries_where_used(part: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: imports {name} at the top of the file"
        for path in FILES
        if part_of(path) == part
        for name, line, late in imports_of(path)
        if not late and name.split(".")[0] in HEAVY
    ]
    assert not wrong, "\n".join(wrong)


def test_no_file_is_named_for_nothing() -> None:
    empty = {"util", "utils", "helper", "helpers", "common", "misc", "manager"}
    assert not [path for path in FILES if path.stem in empty]


def test_reader_of_imports_sees_each_form() -> None:
    source = "import sim.report\ndef f():\n    from ..report import page\n"
    found = list(imported(ast.parse(source), ["sim", "scenario"]))
    assert ("sim.report", 1, False) in found
    assert ("sim.report", 3, True) in found
    assert ("sim.report.page", 3, True) in found
