"""Validation errors as problems: one for each fault, at its place in the file, with an example."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from sim.errors import Problem
from sim.scenario.document import Key, Node, path_of
from sim.scenario.quantities import show
from sim.scenario.schema import Place, flow
from sim.scenario.suggestions import nearest

_ABSENT = {"missing", "union_tag_not_found"}
_NOT_A_MAPPING = {"model_type", "model_attributes_type", "dict_type", "dataclass_type", "mapping_type"}
_NOT_A_LIST = {"list_type", "tuple_type", "sequence_type", "set_type"}
_NOT_A_NUMBER = {"int_type", "int_parsing", "int_from_float", "float_type", "float_parsing", "finite_number"}
_KEYS_SHOWN = 20


def problems_of(error: ValidationError, root: Node, file: str) -> list[Problem]:
    """Every fault of a failed validation, once, in the order of the file.

    `root` is the document that was validated. Its places are those of the problems; a document that came from
    no text has the place 0, which a problem does not show.
    """
    faults = [_Fault(details, root) for details in error.errors(include_url=False)]
    meant = {(fault.parent, fault.suggestion) for fault in faults if fault.type == "extra_forbidden"}
    found: dict[str, Problem] = {}
    for fault in faults:
        # The items that are there, but wrong, are faults of their own.
        if fault.type == "too_short" and len(fault.node.value or ()) >= fault.context["min_length"]:
            continue
        # A misspelled key is missing under its right name too: that is one fault, not two.
        if fault.type in _ABSENT and (fault.parent, fault.missing) in meant:
            continue
        problem = fault.problem(file)
        found.setdefault(problem.path, problem)
    return in_order(found.values())


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems by line and column; those of one place keep their order."""
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


class _Fault:
    """One error of a validation, with what stands in the document where it points."""

    def __init__(self, details: Any, root: Node) -> None:
        self.type: str = details["type"]
        self.context: dict[str, Any] = details.get("ctx") or {}
        self.default: str = details["msg"]
        self.keys: list[Key] = []
        self.missing = ""
        self.at_key = False
        self.node = root
        self.mark = root.mark
        self.key_mark = root.mark
        self.place = self.above = Place.top()
        self.kind = ""
        loc = list(details["loc"])
        if self.type == "forebay" and self.context.get("at"):
            loc.append(self.context["at"])
        for place, part in enumerate(loc, start=1):
            self._step(part, last=place == len(loc))
        if self.type == "missing":
            self.missing = str(loc[-1])
        elif self.type == "union_tag_not_found":
            self.missing = "kind"
        self.parent = path_of(tuple(self.keys[:-1] if self.type == "extra_forbidden" else self.keys))
        self.suggestion: str = self.context.get("suggestion", "")
        if self.type == "extra_forbidden":
            self.suggestion = nearest(str(self.keys[-1]), self.above.keys)

    def _step(self, part: Key, *, last: bool) -> None:
        """Follows one part of the error's place; passes over what the document has not, a union's tag say."""
        if part == "[key]":
            self.at_key = True
        elif part in self.node.children:
            self.above = self.place
            self.keys.append(part)
            self.key_mark = self.node.keys[part]
            self.node = self.node.children[part]
            self.mark = self.node.mark
            self.place = self.place.below(part, self.node.value)
        elif isinstance(part, str) and not (last and self.type == "missing"):
            self.kind = part

    def problem(self, file: str) -> Problem:
        keys = tuple(self.keys)
        mark = self.mark
        message, example, suggestion = self._words()
        if self.type == "union_tag_invalid" and "kind" in self.node.children:
            keys = (*keys, "kind")
            mark = self.node.children["kind"].mark
        elif self.type in _ABSENT and isinstance(self.node.value, dict):
            keys = (*keys, self.missing)
            mark = self.key_mark
        elif self.type == "extra_forbidden" or self.at_key or not _is_scalar(self.node.value):
            mark = self.key_mark
        return Problem(file, mark.line, mark.column, path_of(keys), message, example, suggestion)

    def _words(self) -> tuple[str, str, str]:
        """What is wrong, an example of what is right, and what was probably meant."""
        value = self.node.value
        if self.type == "forebay":
            if value is None and not self.context["at"]:
                return "is empty", self.context["example"], ""
            return self.context["message"], self.context["example"], self.context["suggestion"]
        if self.type == "extra_forbidden":
            return "unknown key", "" if self.suggestion else _one_of(self.above.keys), self.suggestion
        if self.type in _ABSENT:
            return self._absent()
        if self.type == "union_tag_invalid":
            tags = [tag.strip("'") for tag in re.findall(r"'[^']*'", self.context["expected_tags"])]
            tag = str(self.context["tag"])
            meant = nearest(tag, tags)
            return f"unknown kind {show(tag)}", "" if meant else f"one of {', '.join(tags)}", meant
        if self.type == "literal_error":
            words = re.findall(r"'([^']*)'", self.context["expected"])
            meant = nearest(value, words) if isinstance(value, str) else ""
            return f"{show(value)} is not allowed here", f"one of {', '.join(words)}", meant
        if value is None:
            return "is empty", self._example("or leave the key out"), ""
        if self.type in _NOT_A_MAPPING or (self.type == "union_tag_not_found"):
            return f"{show(value)} stands where a mapping is due", self._example(), ""
        if self.type in _NOT_A_LIST:
            return f"{show(value)} stands where a list is due", self._example(), ""
        if self.type in _NOT_A_NUMBER:
            return f"{show(value)} is not a number", self._example(), ""
        if self.type == "string_type":
            return f"{show(value)} stands where a text is due", self._example(), ""
        if self.type in {"value_error", "assertion_error"}:
            return str(self.context.get("error", self.default)), "", ""
        return f"{show(value)}: {self.default[:1].lower()}{self.default[1:]}", self._example(), ""

    def _absent(self) -> tuple[str, str, str]:
        value = self.node.value
        if isinstance(value, dict):
            if self.missing == "kind":
                kinds = self.place.kinds
                return "is missing", f"kind: {kinds[0]}, or one of {', '.join(kinds[1:])}", ""
            example = self.place.below(self.missing).example()
            return "is missing", f"{self.missing}: {flow(example)}" if example is not None else "", ""
        if self.missing == "kind" or value is None:
            message = "is empty" if value is None else f"{show(value)} stands where a mapping is due"
            return message, self._example(), ""
        # A bare word that stands for a kind with parameters.
        chosen = Place(self.place.branches, {"kind": self.kind})
        example = chosen.example()
        return f"{show(value)} needs {self.missing}", flow(example) if example is not None else "", ""

    def _example(self, otherwise: str = "") -> str:
        example = self.place.example()
        if example is None:
            return otherwise
        text = flow(example)
        if self.keys and isinstance(self.keys[-1], str):
            text = f"{self.keys[-1]}: {text}"
        return f"{text}, {otherwise}" if otherwise else text


def _is_scalar(value: object) -> bool:
    """Whether a value has a place of its own; nothing, and what opens with its first entry, has its key's."""
    return value is not None and not isinstance(value, dict | list)


def _one_of(keys: Iterable[str]) -> str:
    shown = [key for key in keys if key != "kind"][:_KEYS_SHOWN]
    return f"one of {', '.join(shown)}" if shown else ""
