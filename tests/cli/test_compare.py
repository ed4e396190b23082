"""`forebay compare`: files and variants, every format, the gate, and what is said of bad input."""

import csv
import io
import json
from pathlib import Path

import pytest

from sim.cli import status
from sim.cli.variants import parse_variant, split_at_commas
from tests.cli.conftest import SMALL, Forebay

MORE = ("--variant", "more: services.api.workers=6")


@pytest.fixture
def other(small: Path) -> Path:
    """The small scenario with fewer workers, in a file of its own."""
    path = small.with_name("other.yaml")
    path.write_text(SMALL.replace("name: small", "name: other").replace("workers: 4", "workers: 3"))
    return path


def test_text_tells_what_differs_first_and_the_verdict_last(
    small: Path, other: Path, forebay: Forebay
) -> None:
    code, out, err = forebay("compare", str(small), str(other))
    assert code == status.OK
    places = [
        out.index(words)
        for words in (
            "What differs",
            "Where they part",
            "Objectives",
            "other against the baseline small",
            "Holm",
        )
    ]
    assert places == sorted(places)
    assert "services.api.workers" in out
    assert "worse" in out
    assert "variance ratio" in out
    assert "seed 3" in err
    assert "replications 4" in err


def test_variants_of_one_file_need_no_second_file(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay(
        "compare", str(small), *MORE, "-V", "services.api.queue.capacity=10, clients.patient.timeout=2s", "-f", "json"
    )  # fmt: skip
    assert code == status.OK
    document = json.loads(out)
    unnamed = "services.api.queue.capacity=10, clients.patient.timeout=2s"
    assert [each["name"] for each in document["scenarios"]] == ["small", "more", unnamed]
    assert [one["path"] for one in document["differences"][unnamed]] == [
        "clients.patient.timeout",
        "services.api.queue.capacity",
    ]


def test_vary_makes_a_variant_of_each_value(small: Path, forebay: Forebay) -> None:
    _, out, _ = forebay(
        "compare", small.name, "--vary", "services.api.workers=3,6..7", "-n", "2", "-f", "json"
    )
    names = [each["name"] for each in json.loads(out)["scenarios"]]
    assert names == ["small", *(f"services.api.workers={workers}" for workers in (3, 6, 7))]


def test_ctrl_c_is_the_status_of_an_interrupt(
    small: Path, forebay: Forebay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sim.study.comparison.compare.run", stopped)
    code, out, err = forebay("compare", str(small), *MORE)
    assert (code, out, err) == (status.INTERRUPTED, "", "interrupted\n")


def test_json_says_from_what_it_was_made(small: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("compare", str(small), *MORE, "-f", "json", "--seed", "9", "-n", "3", "-j", "1")
    document = json.loads(out)
    assert (document["schema_version"], document["seed"], document["replications"]) == (1, 9, 3)
    assert document["engine"] == "compiled"
    assert {"forebay", "python"} <= set(document["versions"])
    assert all(len(each["hash"]) == 16 for each in document["scenarios"])
    first = document["first_attempt_that_differs"]["more"]
    assert first["found"]
    assert first["baseline"] != first["variant"]
    again = forebay("compare", str(small), *MORE, "-f", "json", "--seed", "9", "-n", "3", "-j", "2")[1]
    assert again == out


def test_both_engines_give_the_same_comparison(small: Path, forebay: Forebay) -> None:
    words = ("compare", str(small), *MORE, "-f", "json", "-n", "2", "-s", "run.duration=20s")
    one, two = (json.loads(forebay(*words, "--engine", engine)[1]) for engine in ("compiled", "reference"))
    assert (one.pop("engine"), two.pop("engine")) == ("compiled", "reference")
    assert one == two


def test_set_holds_for_all(small: Path, other: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("compare", str(small), str(other), "-s", "services.api.workers=5", "-f", "json")
    document = json.loads(out)
    assert document["differences"]["other"] == []
    assert {row["verdict"] for row in document["comparisons"]} == {"the same"}


def test_csv_has_a_row_a_figure(small: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("compare", str(small), *MORE, "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) > 40
    assert {"variant", "subject", "metric", "difference", "variance_ratio", "verdict"} <= set(rows[0])


def test_all_shows_every_figure(small: Path, forebay: Forebay) -> None:
    few, every = (forebay("compare", str(small), *MORE, *words)[1] for words in ((), ("--all",)))
    assert "p90 sojourn" not in few
    assert "p90 sojourn" in every


def test_markdown_on_stdout_and_with_pictures(small: Path, tmp_path: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("compare", str(small), *MORE, "-f", "md")
    assert out.startswith("# more against small\n")
    assert "## What differs" in out
    code, out, _ = forebay("compare", str(small), *MORE, "--no-curves", "-o", "page.md")
    assert (code, out) == (status.OK, "page.md\n")
    assert {path.name for path in (tmp_path / "page-pictures").iterdir()} == {"forest.png", "overlay.png"}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("-f", "html"), "small-comparison.html"),
        (("-o", "here.html"), "here.html"),
        (("-o", "folder"), "folder/small-comparison.html"),
        (("-o", "here.json"), "here.json"),
        (("-o", "here.csv"), "here.csv"),
    ],
)
def test_where_it_goes(
    small: Path, tmp_path: Path, forebay: Forebay, words: tuple[str, ...], name: str
) -> None:
    code, out, _ = forebay("compare", str(small), *MORE, "--no-curves", "-n", "2", *words)
    assert (code, out) == (status.OK, f"{name}\n")
    text = (tmp_path / name).read_text(encoding="utf-8")
    begins = {".html": "<!doctype html>", ".json": "{", ".csv": "variant,"}[Path(name).suffix]
    assert text.lower().startswith(begins)


def test_a_gate_fails_where_a_variant_is_worse(small: Path, other: Path, forebay: Forebay) -> None:
    words = ("--fail-if-worse", "latency_mean", "-n", "10", "-f", "csv")
    code, _, err = forebay("compare", str(small), str(other), *words)
    assert code == status.MISSED
    assert "other is worse than small in latency_mean of traffic:web" in err
    code, _, err = forebay("compare", str(other), str(small), *words)
    assert code == status.OK
    assert "is worse" not in err


def test_two_files_of_one_name_are_told_apart(small: Path, tmp_path: Path, forebay: Forebay) -> None:
    (tmp_path / "copy.yaml").write_text(SMALL)
    _, out, _ = forebay("compare", str(small), "copy.yaml", "-n", "2", "-f", "json")
    assert [each["name"] for each in json.loads(out)["scenarios"]] == ["small", "copy.yaml"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            (),
            status.USAGE,
            "there is nothing to compare small.yaml with; name another scenario, or write --variant",
        ),
        (("nosuch.yaml",), status.USAGE, "no such scenario file: nosuch.yaml"),
        (("-V", "more workers"), status.USAGE, '"more workers" is not path=value; write --variant'),
        (("-V", ": a.b=1"), status.USAGE, "has no name before the colon; write --variant"),
        (("-V", "a\x1b[31mb: a.b=1"), status.USAGE, "is not a name of one line"),
        (("-V", f"{'x' * 201}: a.b=1"), status.USAGE, "is not a name of one line"),
        (("-V", "x: a.b=1, a.b=2"), status.USAGE, "a.b is set twice"),
        ((*MORE, *MORE), status.USAGE, 'two are named "more"'),
        (("-V", "small: run.drain=false"), status.USAGE, '"small" is the name of a scenario already'),
        (
            ("-V", "x: services.api.wokers=3"),
            status.INVALID,
            "--variant 'x': services.api.wokers: unknown key; did you mean services.api.workers?",
        ),
        (
            ("-V", "x: services.api.workers=many"),
            status.INVALID,
            "--variant 'x': services.api.workers: \"many\" is not a count; write a whole number such as 16",
        ),
        ((*MORE, "--fail-if-worse", "latency_p98"), status.USAGE, "did you mean latency_p99?"),
        ((*MORE, "--fail-if-worse", "orbit"), status.USAGE, "orbit: has no better or worse"),
        ((*MORE, "-f", "text", "-o", "x.txt"), status.USAGE, "--format text is for the terminal"),
        ((*MORE, "-n", "0"), status.USAGE, "--replications"),
        (("--vary", "services.api.workers"), status.USAGE, "is not path=values; write --vary services.api"),
        (("--vary", "services.api.workers=9..2"), status.USAGE, "runs backwards; write --vary"),
        (("--vary", "services.api.workers=1..99"), status.USAGE, "99 variants; the most are 20"),
    ],
)
def test_bad_input_is_one_clear_error(
    small: Path, forebay: Forebay, words: tuple[str, ...], code: int, said: str
) -> None:
    found, out, err = forebay("compare", small.name, *words)
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_a_bad_file_is_named_with_its_line(small: Path, tmp_path: Path, forebay: Forebay) -> None:
    (tmp_path / "bad.yaml").write_text(SMALL.replace("rate: 40/s", "rate: 40"))
    code, _, err = forebay("compare", str(small), "bad.yaml")
    assert code == status.INVALID
    assert "bad.yaml:5:" in err
    assert "40 has no unit; write 120/s" in err


@pytest.mark.parametrize(
    ("text", "name", "changes"),
    [
        ("calm: a.b=1, c={kind: none, x: 2}", "calm", {"a.b": "1", "c": "{kind: none, x: 2}"}),
        ("a.b=1", "a.b=1", {"a.b": "1"}),
        ("a={kind: none}", "a={kind: none}", {"a": "{kind: none}"}),
        ("two words :a.b = [1, 2] ,c='x, y'", "two words", {"a.b": "[1, 2]", "c": "'x, y'"}),
    ],
)
def test_a_variant_is_read(text: str, name: str, changes: dict[str, str]) -> None:
    assert parse_variant(text) == (name, changes)


def test_commas_within_brackets_and_quotes_part_nothing() -> None:
    assert split_at_commas("a={x: [1, 2], y: (3, 4)}, b=\"5, 6\", c='{'") == [
        "a={x: [1, 2], y: (3, 4)}",
        ' b="5, 6"',
        " c='{'",
    ]
