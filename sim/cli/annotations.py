"""Workflow commands of GitHub: a line each, which a pull request shows beside the line of the file."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sim.errors import Problem

Level = Literal["error", "warning", "notice"]


def annotation(level: Level, text: str, file: str, line: int = 0, column: int = 0, title: str = "") -> str:
    """One remark as a workflow command; line and column count from 1, 0 if there is none."""
    place = {"file": file, "line": line or "", "col": column or "", "title": title}
    where = ",".join(f"{key}={_property(str(value))}" for key, value in place.items() if value)
    return f"::{level} {where}::{_data(text)}"


def of_problem(problem: "Problem") -> str:
    """A problem of a scenario as an error at its place."""
    text = f"{problem.path}: {problem.text}" if problem.path else problem.text
    return annotation("error", text, problem.file, problem.line, problem.column)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
