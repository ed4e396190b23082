"""`forebay schema`: a JSON Schema that editors read."""

import json

import jsonschema

from sim.cli import status
from tests.cli.conftest import Forebay


def test_it_is_a_json_schema(forebay: Forebay) -> None:
    code, out, err = forebay("schema")
    assert (code, err) == (status.OK, "")
    schema = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"traffic", "services", "run"} <= set(schema["properties"])
