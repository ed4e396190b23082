"""What can go wrong, as one tree.

    ForebayError              1
    ├── UsageError            2   a wrong option or argument
    │   └── QuantityError     2   text that is not a duration, rate, ratio, count or factor
    ├── ScenarioError         3   a scenario that cannot be read; carries every problem found
    ├── AuditError            1   a run that breaks conservation or Little's law
    ├── EngineError           1   an engine that cannot go on
    └── WorkerError           1   workers that cannot be reached, or end again and again

The number is the command's exit status. A missed objective is a verdict, not an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class ForebayError(Exception):
    """The root: `except ForebayError` catches whatever this package raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(ForebayError):
    """A command, option or argument that makes no sense."""

    exit_code: ClassVar[int] = 2


class QuantityError(UsageError, ValueError):
    """A text that is not the quantity asked for; `example` is one, `suggestion` what was probably meant."""

    def __init__(self, message: str, example: str = "", suggestion: str = "") -> None:
        super().__init__(message, example, suggestion)
        self.message = message
        self.example = example
        self.suggestion = suggestion

    def __str__(self) -> str:
        return sentence(self.message, self.example, self.suggestion)


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a scenario: where it is, what is wrong, what would be right.

    `line` and `column` count from 1; 0: the place has no line (a value that was set, a missing file).
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    example: str = ""
    suggestion: str = ""

    @property
    def where(self) -> str:
        """`file:line:column`, or the file alone where there is no line."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    @property
    def text(self) -> str:
        """The message with its example and suggestion, as one sentence."""
        return sentence(self.message, self.example, self.suggestion)

    def __str__(self) -> str:
        return f"{self.where}: {self.path}: {self.text}" if self.path else f"{self.where}: {self.text}"


class ScenarioError(ForebayError):
    """A scenario with problems: all of them, in the order of their lines."""

    exit_code: ClassVar[int] = 3

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class AuditError(ForebayError):
    """A run whose books do not balance: a fault of the engine, never of the scenario."""


class EngineError(ForebayError):
    """An engine that cannot go on, for example because simulated time stands still."""


class WorkerError(ForebayError):
    """Workers that cannot be reached, that end again and again, or that are not of this version."""


def sentence(message: str, example: str, suggestion: str) -> str:
    """Joins a message, a valid example and a suggestion: `…; write 2s; did you mean 5min?`."""
    parts = [message]
    if example:
        parts.append(f"write {example}")
    if suggestion:
        parts.append(f"did you mean {suggestion}?")
    return "; ".join(parts)


def printable(text: str, longest: int = 60) -> str:
    """A text of a file as it can stand in a message: on one line, without control characters, shortened."""
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in shown)
