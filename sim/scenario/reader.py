"""Reads YAML, and refuses of it what a scenario does not need.

Works on parser events, so that nothing is ever constructed but text, numbers, true, false, null, lists and
mappings (the core schema of YAML 1.2). Refused: tags, keys written twice, several documents, deep nesting,
aliases that expand to very many values, numbers that YAML 1.1 reads otherwise. One pass finds every fault.
"""

from __future__ import annotations

import re
from typing import Any

from sim.errors import Problem
from sim.scenario.document import DEEPEST, Key, Mark, Node, path_of
from sim.scenario.quantities import show

LARGEST = 1 << 20
MOST_VALUES = 50_000
MOST_PROBLEMS = 1_000


def decode(raw: bytes, file: str) -> tuple[str, list[Problem]]:
    """The text of a file, which must be UTF-8 (a byte order mark is skipped) and at most 1 MiB."""
    if len(raw) > LARGEST:
        return "", [Problem(file, 0, 0, "", f"is larger than {LARGEST:,} bytes, too large for a scenario")]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        message = f"is not UTF-8 text: byte 0x{raw[error.start]:02x}"
        return "", [Problem(file, line, column, "", message, "the file in UTF-8")]


def read(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """The text's one document, or None where there is none to speak of, and every problem with it as YAML."""
    return _Reader(file).read(text)


class _Frame:
    """A list or mapping that is being read."""

    __slots__ = ("anchor", "first", "key", "key_mark", "merges", "node", "refused")

    def __init__(self, node: Node, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key: str | None = None
        self.key_mark = node.mark
        self.refused = False
        self.first: dict[str, Mark] = {}
        self.merges: list[Node] = []


class _Abandon(Exception):  # noqa: N818  # not an error of its own: the problem is already noted
    """The text cannot be read on."""


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, Node] = {}
        self.root: Node | None = None
        self.documents = 0
        self.size = 0

    def read(self, text: str) -> tuple[Node | None, list[Problem]]:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError
        from ruamel.yaml.reader import ReaderError

        try:
            for event in YAML(typ="safe", pure=True).parse(text):
                self.event(event)
        except _Abandon:
            pass
        except MarkedYAMLError as error:
            self.syntax(error)
        except ReaderError as error:
            mark = _mark_at(text, error.position)
            character = f"U+{ord(text[error.position]):04X}" if error.position < len(text) else "a character"
            self.note(mark, f"{character} is not allowed in YAML")
        if self.root is None and not self.problems:
            self.note(Mark(1, 1), "is empty", "a scenario: traffic, services, run")
        return self.root, self.problems

    def note(self, mark: Mark, message: str, example: str = "") -> None:
        self.problems.append(Problem(self.file, *mark, path_of(self.path()), message, example))
        if len(self.problems) >= MOST_PROBLEMS:
            raise _Abandon

    def path(self) -> tuple[Key, ...]:
        """The keys of what is being read."""
        keys: list[Key] = []
        for frame in self.stack:
            if isinstance(frame.node.value, list):
                keys.append(len(frame.node.value))
            elif frame.key:
                keys.append(frame.key)
        return tuple(keys)

    def syntax(self, error: Any) -> None:
        """One problem, as no parser can go on from there, in words that name the likely cause."""
        where = error.problem_mark or error.context_mark
        mark = Mark(where.line + 1, where.column + 1) if where else Mark(1, 1)
        parts = [part for part in (error.context, error.problem or "cannot be read") if part]
        said = " ".join(": ".join(parts).split())
        message, example = f"not YAML: {said}", ""
        for part, meaning, advice in _CAUSES:
            if part in said:
                message, example = meaning, advice
                break
        opened = error.context_mark
        if opened is not None and opened.line + 1 < mark.line:
            message += f" (what is open began on line {opened.line + 1})"
        self.problems.append(Problem(self.file, *mark, "", message, example))

    def event(self, event: Any) -> None:
        kind = type(event).__name__
        mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        if kind == "DocumentStartEvent":
            self.start(event, mark)
        elif kind == "ScalarEvent":
            self.scalar(event, mark)
        elif kind == "AliasEvent":
            self.alias(event, mark)
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            self.open(event, mark, {} if kind == "MappingStartEvent" else [])
        elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
            self.close()

    def start(self, event: Any, mark: Mark) -> None:
        self.documents += 1
        if self.documents > 1:
            self.note(mark, "a second document begins", "one scenario a file")
            raise _Abandon
        if event.version is not None and tuple(event.version) != (1, 2):
            version = ".".join(map(str, event.version))
            self.note(Mark(1, 1), f"asks for YAML {version}, and is read as YAML 1.2", "no %YAML line")

    def scalar(self, event: Any, mark: Mark) -> None:
        self.tag(event, mark)
        frame = self.stack[-1] if self.stack else None
        plain = event.style is None and event.tag is None
        if frame is not None and isinstance(frame.node.value, dict) and frame.key is None:
            self.key(frame, event.value, mark, plain)
            return
        value = self.resolve(event.value, mark) if plain else event.value
        self.add(Node(value, mark), event.anchor)

    def tag(self, event: Any, mark: Mark) -> None:
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self.note(mark, f"the tag {show(tag)} is not allowed", "the value alone")

    def key(self, frame: _Frame, text: str, mark: Mark, plain: bool) -> None:
        frame.key = text
        frame.key_mark = mark
        frame.refused = False
        if not text:
            self.note(mark, "a key is empty", "key: value")
            frame.refused = True
        elif text == "<<" and plain:
            return
        elif text in frame.first:
            first = frame.first[text]
            self.note(mark, f"is written twice, first on line {first.line}", "it once")
            frame.refused = True
        else:
            frame.first[text] = mark

    def resolve(self, text: str, mark: Mark) -> Any:
        """A plain scalar by the core schema of YAML 1.2."""
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) and len(text) <= 64:
            if _SURPRISE.fullmatch(text):
                number = f"{int(text)}"
                message = f"{text} is {number} in YAML 1.2 and may be another number in YAML 1.1"
                self.note(mark, message, number)
            return int(text)
        if _OCTAL.fullmatch(text) and len(text) <= 64:
            return int(text, 8 if text[1] == "o" else 16)
        if _FLOAT.fullmatch(text) and len(text) <= 64:
            return float(text)
        return text

    def alias(self, event: Any, mark: Mark) -> None:
        frame = self.stack[-1] if self.stack else None
        if frame is not None and isinstance(frame.node.value, dict) and frame.key is None:
            self.note(mark, "an alias cannot be a key", "the key itself")
            frame.key, frame.refused = "", True
            return
        node = self.anchors.get(event.anchor)
        if node is None:
            begun = any(frame.anchor == event.anchor for frame in self.stack)
            message = "stands inside its own anchor" if begun else "has no anchor before it"
            self.note(
                mark,
                f"the alias *{event.anchor} {message}",
                f"&{event.anchor} where the value is first given",
            )
            self.add(Node(None, mark), None, refused=True)
            return
        self.size += node.size - 1
        if len(self.stack) + node.depth > DEEPEST:
            self.too_deep(mark)
        self.add(node, None)

    def open(self, event: Any, mark: Mark, value: Any) -> None:
        self.tag(event, mark)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and isinstance(frame.node.value, dict) and frame.key is None:
            self.note(mark, f"{show(value)} cannot be a key", "key: value")
            raise _Abandon
        if len(self.stack) >= DEEPEST:
            self.too_deep(mark)
        self.stack.append(_Frame(Node(value, mark), event.anchor))

    def too_deep(self, mark: Mark) -> None:
        place = path_of(self.path()[:1])
        self.problems.append(Problem(self.file, *mark, place, f"is nested deeper than {DEEPEST} levels"))
        raise _Abandon

    def close(self) -> None:
        frame = self.stack.pop()
        node = frame.node
        for merged in frame.merges:
            for key, child in merged.children.items():
                if key not in node.children:
                    node.value[key] = child.value
                    node.children[key] = child
                    node.keys[key] = merged.keys[key]
                    node.size += child.size
        self.add(node, frame.anchor)

    def add(self, node: Node, anchor: str | None, *, refused: bool = False) -> None:
        """Puts a value where it belongs: in the list or mapping that is being read, or at the top."""
        self.size += 1
        if self.size > MOST_VALUES:
            self.note(node.mark, f"the file expands to more than {MOST_VALUES:,} values")
            raise _Abandon
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        parent = frame.node
        if isinstance(parent.value, list):
            place = len(parent.value)
            parent.value.append(node.value)
            parent.children[place] = node
            parent.keys[place] = node.mark
        else:
            key, frame.key = frame.key, None
            if frame.refused or refused:
                return
            if key == "<<":
                frame.key = key
                self.merge(frame, node)
                frame.key = None
                return
            if key is None:
                return
            parent.value[key] = node.value
            parent.children[key] = node
            parent.keys[key] = frame.key_mark
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)

    def merge(self, frame: _Frame, node: Node) -> None:
        sources = list(node.children.values()) if isinstance(node.value, list) else [node]
        for source in sources:
            if not isinstance(source.value, dict):
                self.note(node.mark, f"{show(source.value)} cannot be merged", "<<: *anchor of a mapping")
                return
            frame.merges.append(source)
            frame.node.depth = max(frame.node.depth, source.depth)


def _mark_at(text: str, position: int) -> Mark:
    before = text[:position]
    return Mark(before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)


_CAUSES = (
    ("\\t", "a tab cannot indent YAML", "spaces"),
    (
        "mapping values are not allowed",
        "a colon where no key can stand",
        "each key on its own line, and quotes around a text with a colon and a space in it",
    ),
    (
        "expected <block end>",
        "this does not go on from the lines above",
        "the keys of one mapping in one column, and a quote at both ends of a text",
    ),
    ("expected ',' or '}'", "a brace { is not closed", "{key: value, key: value}"),
    ("expected ',' or ']'", "a bracket [ is not closed", "[value, value]"),
    ("scanning a quoted scalar", "a quote is not closed", "a quote at both ends of the text"),
    ("unknown escape", "an unknown escape after \\ in double quotes", "single quotes, or two of \\"),
    ("cannot start any token", "a character that no value can begin with", "quotes around the text"),
    ("could not find expected ':'", "a key without a colon", "key: value"),
)
"""What the parser says, what it means, and what would be right."""

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_SURPRISE = re.compile(r"[-+]?0[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
