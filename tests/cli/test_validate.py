"""`forebay validate`: every error of every file at once, for people, programs and pull requests."""

import json
from pathlib import Path

import pytest

from sim.cli import status
from sim.cli.annotations import of_problem
from sim.errors import Problem
from sim.shipped import shipped
from tests.cli.conftest import Forebay

MALFORMED = sorted((Path(__file__).resolve().parents[1] / "scenario" / "malformed").glob("*.yaml"))


def test_a_valid_file(small: Path, forebay: Forebay) -> None:
    assert forebay("validate", str(small)) == (status.OK, "", f"{small}: valid\n")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_is_valid(name: str, forebay: Forebay) -> None:
    assert forebay("validate", name)[0] == status.OK


def test_every_error_of_every_file_at_once(small: Path, tmp_path: Path, forebay: Forebay) -> None:
    other = tmp_path / "other.yaml"
    text = small.read_text(encoding="utf-8")
    other.write_text(
        text.replace("workers: 4", "workers: -4").replace("timeout: 1s", "timeout: 1"), encoding="utf-8"
    )
    code, out, err = forebay("validate", str(small), "other.yaml")
    assert code == status.INVALID
    assert len(out.splitlines()) == 2
    assert out.startswith("other.yaml:10:")
    assert "services.api.workers" in out
    assert err == f"{small}: valid\n"


def test_json(small: Path, forebay: Forebay) -> None:
    small.write_text("name: [", encoding="utf-8")
    code, out, _ = forebay("validate", str(small), "mm1", "-f", "json")
    document = json.loads(out)
    assert code == status.INVALID
    assert document["valid"] is False
    assert [each["valid"] for each in document["files"]] == [False, True]
    problem = document["files"][0]["problems"][0]
    assert set(problem) == {"file", "line", "column", "path", "message", "example", "suggestion"}


def test_annotations_of_a_pull_request(small: Path, forebay: Forebay) -> None:
    text = small.read_text(encoding="utf-8")
    small.write_text(text.replace("timeout: 1s", "timeout: 1"), encoding="utf-8")
    code, out, _ = forebay("validate", "small.yaml", "-f", "github")
    assert code == status.INVALID
    assert out.startswith("::error file=small.yaml,line=10,col=")
    assert (
        of_problem(Problem("a,b.yaml", 0, 0, "", "50% is\nwrong"))
        == "::error file=a%2Cb.yaml::50%25 is%0Awrong"
    )


def test_there_are_at_least_sixty_malformed_files() -> None:
    assert len(MALFORMED) >= 60


@pytest.mark.parametrize("path", MALFORMED, ids=lambda path: path.stem)
@pytest.mark.parametrize("verb", ["validate", "run"])
def test_a_malformed_file_exits_3_with_its_place(verb: str, path: Path, forebay: Forebay) -> None:
    code, out, err = forebay(verb, str(path))
    said = out if verb == "validate" else err
    assert code == status.INVALID
    assert str(path) in said
    assert "Traceback" not in said
