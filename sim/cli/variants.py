"""Variants of one scenario, as a person types them: `--variant 'name: path=value, ...'`, `--vary path=1,2,3`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sim.errors import UsageError, printable

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

EXAMPLE = "--variant 'big queue: services.api.queue.capacity=1000'"
VARY_EXAMPLE = "--vary services.api.queue.capacity=16,64,256"

LONGEST = 200
"""Letters of a name at the most."""

MOST = 20
"""Variants of --vary at the most: beyond that, no page shows them apart."""

_NAMED = re.compile(r"\s*([^=:]*?)\s*:\s*(.*)", re.DOTALL)
_OPENING, _CLOSING, _QUOTES = "{[(", "}])", "\"'"


def expanded(texts: Sequence[str]) -> list[str]:
    """`["a.b=1,2"]` -> `["a.b=1", "a.b=2"]`: a variant for each value; `1..4`, `1s..5s:5` are ranges as in a plan.

    Raises:
        UsageError: a text that is not path=values, a range that is none, or too many values.
    """
    found: list[str] = []
    for text in texts:
        path, parts = _values(text, VARY_EXAMPLE)
        for part in parts:
            found += [f"{path}={one}" for one in (_range(part, text) if _is_range(part) else [part])]
    if len(found) > MOST:
        raise UsageError(f"--vary: {len(found):,} variants; the most are {MOST}; write {VARY_EXAMPLE}")
    return found


def varied(texts: Sequence[str], example: str) -> dict[str, Any]:
    """`["a.b=1..4", "c.d=[1, 3..5]"]` -> `{"a.b": "1..4", "c.d": [1, 3, 4, 5]}`: a range as it is, or what is listed.

    Raises:
        UsageError: a text that is not path=values, or a key that is named twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        path, parts = _values(text, example)
        if path in found:
            raise UsageError(f"--vary names {printable(path)} twice; write all its values once: {example}")
        if len(parts) == 1 and _is_range(parts[0]):
            found[path] = parts[0]
        else:
            found[path] = [
                one for part in parts for one in (_range(part, text) if _is_range(part) else [_plain(part)])
            ]
    return found


def _values(text: str, example: str) -> tuple[str, list[str]]:
    """A path, and the texts of its values, which stand between commas, in brackets or not."""
    path, equals, values = (piece.strip() for piece in text.partition("="))
    if not equals or not path or not values:
        raise UsageError(f'--vary "{printable(text, 200)}" is not path=values; write {example}')
    if values.startswith("[") and values.endswith("]"):
        values = values[1:-1]
    return path, [part.strip() for part in split_at_commas(values) if part.strip()]


def _is_range(part: str) -> bool:
    return ".." in part and part[0] not in _QUOTES + "".join(_OPENING)


def _range(value: str, text: str) -> Sequence[object]:
    from sim.scenario.plan import parse_range

    try:
        return parse_range(value)
    except ValueError as error:
        raise UsageError(f'--vary "{printable(text, 200)}": {error}; write {VARY_EXAMPLE}') from None


def _plain(text: str) -> Any:
    """A listed value as YAML reads it: a number is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip(_QUOTES)


def variants_of(scenario: Scenario, texts: Sequence[str]) -> dict[str, Scenario]:
    """The scenario with the changes of each text, by the variants' names.

    Raises:
        UsageError: a text that is no variant, or two of one name.
        ScenarioError: every problem of a variant's values, said of that variant.
    """
    found: dict[str, Scenario] = {}
    for text in texts:
        name, changes = parse_variant(text)
        if name in found:
            raise UsageError(f'--variant: two are named "{printable(name)}"; give each a name: {EXAMPLE}')
        found[name] = scenario.set(changes, label=f"--variant {printable(name, 100)!r}")
    return found


def parse_variant(text: str) -> tuple[str, dict[str, str]]:
    """`"calm: a.b=1, c={kind: none}"` -> `("calm", {"a.b": "1", "c": "{kind: none}"})`.

    Without a name, the changes are the name. Commas within brackets or quotes belong to a value.

    Raises:
        UsageError: an empty name, or a part that is not path=value.
    """
    named = _NAMED.fullmatch(text)
    name, rest = (named[1], named[2]) if named else (" ".join(text.split()), text)
    changes: dict[str, str] = {}
    for part in split_at_commas(rest):
        path, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not path:
            raise UsageError(f'--variant "{printable(text, 200)}": "{printable(part.strip())}" is not path=value; '
                             f"write {EXAMPLE}")  # fmt: skip
        if path in changes:
            raise UsageError(
                f'--variant "{printable(text, 200)}": {printable(path)} is set twice; write {EXAMPLE}'
            )
        changes[path] = value
    if not name.isprintable() or len(name) > LONGEST:
        raise UsageError(
            f'--variant: "{printable(name)}" is not a name of one line and {LONGEST} characters; write {EXAMPLE}'
        )
    if not name:
        raise UsageError(f'--variant "{printable(text, 200)}" has no name before the colon; write {EXAMPLE}')
    return name, changes


def split_at_commas(text: str) -> list[str]:
    """The parts between commas that stand in no bracket and in no quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter in _OPENING:
            depth += 1
        elif letter in _CLOSING:
            depth -= 1
        elif letter == "," and depth <= 0:
            parts.append("")
            continue
        parts[-1] += letter
    return parts
