"""`forebay init`: a scenario to start from, the schema beside it, nothing written over."""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from sim.cli import status
from sim.cli.init import SCHEMA_FILE, SCHEMA_LINE, find_template, templates, with_schema_line
from tests.cli.conftest import Forebay


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", templates())
def test_every_template_is_valid_where_it_is_written(name: str, tmp_path: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("init", name, "--to", "sub/mine.yaml")
    assert code == status.OK
    assert out.splitlines()[0] == "sub/mine.yaml"
    assert forebay("validate", "sub/mine.yaml")[0] == status.OK
    text = (tmp_path / "sub" / "mine.yaml").read_text(encoding="utf-8")
    assert text.splitlines()[0] == SCHEMA_LINE
    schema = json.loads((tmp_path / "sub" / SCHEMA_FILE).read_text(encoding="utf-8"))
    jsonschema.validate(YAML(typ="safe", pure=True).load(text), schema)


def test_by_default_a_starter_is_written(tmp_path: Path, forebay: Forebay) -> None:
    code, out, err = forebay("init")
    assert code == status.OK
    assert out.split() == ["scenario.yaml", SCHEMA_FILE]
    assert "forebay explain scenario.yaml" in err
    assert (tmp_path / "scenario.yaml").exists()


def test_nothing_is_written_over(tmp_path: Path, forebay: Forebay) -> None:
    (tmp_path / "scenario.yaml").write_text("mine", encoding="utf-8")
    code, out, err = forebay("init")
    assert (code, out) == (status.USAGE, "")
    assert "scenario.yaml is already there" in err
    assert (tmp_path / "scenario.yaml").read_text(encoding="utf-8") == "mine"
    assert forebay("init", "--force")[0] == status.OK
    assert (tmp_path / "scenario.yaml").read_text(encoding="utf-8") != "mine"


def test_to_stdout_writes_no_file(tmp_path: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("init", "mm1", "--to", "-")
    assert code == status.OK
    assert "name: mm1" in out
    assert not list(tmp_path.iterdir())


def test_the_list_names_every_template(forebay: Forebay) -> None:
    _, out, _ = forebay("init", "--list")
    assert all(name in out for name in templates())


def test_one_schema_line_and_only_one() -> None:
    text = "# yaml-language-server: $schema=../old.json\n# Why?\nname: x\n"
    assert with_schema_line(text) == f"{SCHEMA_LINE}\n# Why?\nname: x\n"


def test_a_template_may_be_named_with_its_suffix() -> None:
    assert find_template("mm1.yaml") == find_template("mm1")
