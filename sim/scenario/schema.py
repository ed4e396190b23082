"""The JSON Schema of a scenario, for editors, and the keys, kinds and examples that it knows at any path.

Made from the models, so it cannot say anything else than they do. An editor's YAML language server reads it
by a first line such as `# yaml-language-server: $schema=scenario.schema.json`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from sim.scenario.quantities import DURATION_PATTERN, RATE_PATTERN
from sim.scenario.rule import Rule

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _InWrittenOrder(GenerateJsonSchema):
    """Keeps the order of the models: an editor shows keys and examples as a person would write them."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        return value


def json_schema() -> Schema:
    """The JSON Schema (2020-12) of a scenario file, with descriptions, kinds, patterns and examples."""
    return copy.deepcopy(_schema())


@cache
def _schema() -> Schema:
    from sim.scenario.scenario import Scenario

    made = Scenario.model_json_schema(by_alias=True, mode="validation", schema_generator=_InWrittenOrder)
    definitions: dict[str, Schema] = made.get("$defs", {})
    for definition in definitions.values():
        _tidy(definition, definitions)
    _tidy(made, definitions)
    made["title"] = "Forebay scenario"
    return {"$schema": DIALECT, **made}


def _tidy(schema: Any, definitions: Mapping[str, Schema]) -> None:
    """Makes `kind` required where it chooses, adds bare spellings, leaves out what an editor cannot use."""
    if isinstance(schema, list):
        for one in schema:
            _tidy(one, definitions)
        return
    if not isinstance(schema, dict):
        return
    for one in list(schema.values()):
        _tidy(one, definitions)
    if isinstance(schema.get("description"), str):
        schema["description"] = " ".join(schema["description"].split())
    if "default" in schema:
        _spell_default(schema)
    properties = schema.get("properties")
    if isinstance(properties, dict):
        if isinstance(properties.get("kind"), dict) and "const" in properties["kind"]:
            schema["required"] = ["kind", *(key for key in schema.get("required", ()) if key != "kind")]
        for one in properties.values():
            if isinstance(one, dict):
                one.pop("title", None)  # only the key again, in capitals
    names = schema.pop("patternProperties", None)
    if names is not None:
        ((pattern, entry),) = names.items()
        schema["additionalProperties"] = entry
        schema["propertyNames"]["pattern"] = pattern
    discriminator = schema.pop("discriminator", None)
    if discriminator is not None and "mapping" in discriminator:
        schema["anyOf"] = [{"oneOf": schema.pop("oneOf")}, *_bare(discriminator["mapping"], definitions)]


def _spell_default(schema: Schema) -> None:
    """Writes a default as a person would: an editor may put it into the file."""
    default = schema.pop("default")
    patterns = {branch.get("pattern") for branch in (schema, *schema.get("anyOf", ()))}
    if isinstance(default, float):
        if DURATION_PATTERN in patterns:
            default = f"{default:g}s"
        elif RATE_PATTERN in patterns:
            default = f"{default:g}/s"
        elif math.isinf(default):
            default = "inf"  # JSON has no infinity
        elif default.is_integer():
            default = int(default)
    if default is not None:
        schema["default"] = default


def _bare(kinds: Mapping[str, str], definitions: Mapping[str, Schema]) -> Iterator[Schema]:
    """The spellings without a mapping: a word for a kind that needs nothing more, a value for a constant."""
    alone = []
    for kind, reference in kinds.items():
        definition = definitions[reference.rpartition("/")[2]]
        if _needs_nothing(definition["title"], kind):
            alone.append(kind)
        needed = [key for key in definition.get("required", ()) if key != "kind"]
        if kind == "constant" and len(needed) == 1:
            value = definition["properties"][needed[0]]
            if value.get("pattern") == DURATION_PATTERN:
                yield {"type": "string", "pattern": DURATION_PATTERN, "description": "a constant duration"}
            elif value.get("type") == "integer":
                yield {"type": "integer", "minimum": 1, "description": "a constant size"}
    if alone:
        yield {"enum": alone}


def _needs_nothing(title: str, kind: str) -> bool:
    """Whether the rule of this class stands without any parameter: a class may need one of several."""
    try:
        next(one for one in _rules(Rule) if one.__name__ == title).model_validate({"kind": kind})
    except ValidationError:
        return False
    return True


def _rules(base: type[Rule]) -> Iterator[type[Rule]]:
    for one in base.__subclasses__():
        yield one
        yield from _rules(one)


class Place:
    """What may stand at one path of a scenario: every branch of the schema that fits what does stand."""

    def __init__(self, branches: Iterable[Schema], value: object = None) -> None:
        self.branches = _fitting(list(_flat(branches)), value)

    @classmethod
    def top(cls) -> Place:
        """The whole scenario."""
        return cls([_schema()])

    def below(self, key: str | int, value: object = None) -> Place:
        """What may stand under a key of a mapping or at a place in a list; `value` is what does."""
        found = []
        for branch in self.branches:
            if isinstance(key, int):
                found.append(branch.get("items"))
            else:
                found.append(branch.get("properties", {}).get(key) or branch.get("additionalProperties"))
        return Place([one for one in found if isinstance(one, dict)], value)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a mapping may have here; none where they are free names."""
        return tuple(dict.fromkeys(key for branch in self.branches for key in branch.get("properties", {})))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of which one may be chosen here."""
        found = (branch.get("properties", {}).get("kind", {}) for branch in self.branches)
        return tuple(kind["const"] for kind in found if "const" in kind)

    @property
    def is_mapping(self) -> bool:
        """Whether a mapping may stand here."""
        return any(branch.get("type") == "object" for branch in self.branches)

    @property
    def has_names(self) -> bool:
        """Whether a mapping with free names stands here, such as `services`."""
        return any(isinstance(branch.get("additionalProperties"), dict) for branch in self.branches)

    def example(self) -> object:
        """A value that may stand here, or None if there is nothing to say."""
        for branch in self.branches:
            for key in ("examples", "enum"):
                if branch.get(key):
                    return branch[key][0]
        for branch in self.branches:
            if "const" in branch:
                return branch["const"]
            if branch.get("type") == "object" and "properties" in branch:
                made = {}
                for key in branch.get("required", ()):
                    made[key] = Place([branch["properties"][key]]).example()
                if made and None not in made.values():
                    return made
        return None


def _flat(branches: Iterable[Schema]) -> Iterator[Schema]:
    """The branches with references followed and choices opened; an example of a choice stays the first."""
    definitions = _schema().get("$defs", {})
    for branch in branches:
        if branch.get("examples") and ("$ref" in branch or "anyOf" in branch):
            yield {"examples": branch["examples"]}
        if "$ref" in branch:
            yield from _flat([definitions[branch["$ref"].rpartition("/")[2]]])
        elif "anyOf" in branch or "oneOf" in branch:
            yield from _flat(branch.get("anyOf", []) + branch.get("oneOf", []))
        elif branch.get("type") != "null":
            yield branch


def _fitting(branches: list[Schema], value: object) -> list[Schema]:
    """The branches of the kind that the value has, if it has one that is known."""
    kind = value.get("kind") if isinstance(value, dict) else None
    fitting = [
        branch for branch in branches if branch.get("properties", {}).get("kind", {}).get("const") == kind
    ]
    return fitting if kind is not None and fitting else branches


def flow(value: object) -> str:
    """A value in YAML's flow style: `{kind: poisson, rate: 120/s}`."""
    if isinstance(value, dict):
        # A kind says what the rest is: it comes first.
        ordered = sorted(value, key=lambda key: key != "kind")
        return "{" + ", ".join(f"{key}: {flow(value[key])}" for key in ordered) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and (".." in value or ":" in value):
        return f'"{value}"'
    return str(value)
