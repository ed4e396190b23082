"""Malformed scenarios: each fault is one problem at its place, in words that help; nothing hangs or runs."""

import os
from pathlib import Path

import pytest

from sim.errors import ScenarioError
from sim.scenario.loader import check, load, loads

FOLDER = Path(__file__).parent / "malformed"
FILES = sorted(FOLDER.glob("*.yaml"))

# What cannot be said by an example: the text is no YAML at all, or is an attack.
WITHOUT_ADVICE = {
    "alias_bomb",
    "alias_bomb_of_mappings",
    "control_character",
    "nested_lists",
    "nested_mappings",
    "nested_without_end",
    "nul_byte",
}


def manifest() -> dict[str, list[list[str]]]:
    rows: dict[str, list[list[str]]] = {}
    for line in (FOLDER / "manifest.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, *cells = (cell.strip() for cell in f"{line} |".split(" |"))
            rows.setdefault(name, []).append([*cells, "", ""][:4])
    return rows


EXPECTED = manifest()


def test_every_file_is_in_the_manifest() -> None:
    assert {path.stem for path in FILES} == set(EXPECTED)
    assert len(FILES) >= 70


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_fault_is_one_problem_at_its_place(path: Path) -> None:
    problems = check(path)
    found = [[f"{one.line}:{one.column}", one.path, one.suggestion] for one in problems]
    assert found == [[place, keys, meant] for place, keys, _, meant in EXPECTED[path.stem]]
    for problem, (_, _, said, _) in zip(problems, EXPECTED[path.stem], strict=True):
        assert said in problem.message
        assert str(problem).startswith(f"{path}:{problem.line}:{problem.column}: ")
        assert "\n" not in str(problem)
        assert len(str(problem)) < 800
        if path.stem not in WITHOUT_ADVICE:
            assert problem.example or problem.suggestion


def test_load_raises_all_problems_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        load(FOLDER / "many_at_once.yaml")
    assert len(caught.value.problems) == 7
    assert str(caught.value).count("\n") == 6
    assert caught.value.exit_code == 3


def test_a_tag_runs_nothing(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    for tag in (
        "!!python/object/apply:os.system",
        "!!python/object/new:os.system",
        "!<tag:yaml.org,2002:python/name:os>",
    ):
        problems = check_text(f"name: {tag} ['touch {witness}']\n")
        assert any(one.path == "name" and "the tag" in one.message for one in problems)
    assert not witness.exists()


def check_text(text: str) -> tuple:
    with pytest.raises(ScenarioError) as caught:
        loads(text)
    return caught.value.problems


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "checkout.yaml").write_text("", encoding="utf-8")
    (problem,) = check(tmp_path / "chekout.yaml")
    assert "does not exist" in problem.message
    assert problem.suggestion == str(tmp_path / "checkout.yaml")
    assert problem.line == 0
    (problem,) = check(tmp_path / "checkout.yaml" / "below.yaml")
    assert "does not exist" in problem.message


def test_a_directory_is_no_scenario(tmp_path: Path) -> None:
    (problem,) = check(tmp_path)
    assert "is a directory" in problem.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_unopened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    (problem,) = check(pipe)
    assert "not a regular file" in problem.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_data_file_that_is_a_pipe_is_refused_unopened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "times.csv")
    path = tmp_path / "scenario.yaml"
    path.write_text(
        "traffic: {web: {arrivals: {kind: poisson, rate: 5/s}, call: api}}\n"
        "services: {api: {workers: 1, service_time: {kind: empirical, file: times.csv}}}\n"
        "run: {duration: 1min}\n",
        encoding="utf-8",
    )
    (problem,) = check(path)
    assert "not a regular file" in problem.message
    assert problem.path == "services.api.service_time.file"


def test_a_device_is_refused_unopened() -> None:
    (problem,) = check("/dev/zero")
    assert "not a regular file" in problem.message


def test_an_unreadable_file_says_why(tmp_path: Path) -> None:
    path = tmp_path / "locked.yaml"
    path.write_text("name: x", encoding="utf-8")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    (problem,) = check(path)
    assert "cannot be read" in problem.message


def test_a_path_that_no_file_can_have() -> None:
    (problem,) = check("a\0b.yaml")
    assert "cannot be read" in problem.message


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"# \n" * (1 << 19))
    (problem,) = check(path)
    assert "larger than 1,048,576 bytes" in problem.message


def test_a_file_of_problems_is_given_up() -> None:
    assert len(check_text("a: 1\n" + "a: 2\n" * 5000)) == 1000


def test_what_a_message_quotes_is_short_and_on_one_line() -> None:
    text = f'"ke\\ny": 1\nname: "a\\u2028b"\n{"k" * 100_000}: 1\nrun: {{duration: "2\\ns"}}\n'
    for problem in check_text(text):
        assert str(problem).isprintable()
        assert len(str(problem)) < 600


def test_sections_have_a_largest_size() -> None:
    classes = "".join(f"  t{n}: {{arrivals: {{kind: poisson, rate: 1/s}}, call: api}}\n" for n in range(257))
    text = f"traffic:\n{classes}services: {{api: {{workers: 1, service_time: 1ms}}}}\nrun: {{duration: 1s}}\n"
    (problem,) = check_text(text)
    assert (problem.path, problem.line) == ("traffic", 1)
    assert "257 entries; the most are 256" in problem.message


def test_what_is_wrong_between_parts_speaks_with_what_is_wrong_within() -> None:
    text = "traffic: {web: {arrivals: closed, call: ap}}\nservices: {api: {workers: x}}\nrun: {duration: 1}\n"
    paths = [problem.path for problem in check_text(text)]
    assert paths == [
        "traffic.web.arrivals",
        "traffic.web.call",
        "services.api.service_time",
        "services.api.workers",
        "run.duration",
    ]


@pytest.mark.parametrize("endless", [".inf", "-.inf", "1e400", "-1e400", ".nan"])
@pytest.mark.parametrize("key", ["seed", "replications"])
def test_an_endless_number_is_no_whole_number(key: str, endless: str) -> None:
    text = (
        "traffic: {web: {arrivals: {kind: poisson, rate: 5/s}, call: api}}\n"
        "services: {api: {workers: 1, service_time: 1ms}}\n"
        f"run: {{duration: 1min, {key}: {endless}}}\n"
    )
    (problem,) = check_text(text)
    assert problem.path == f"run.{key}"
    assert "is not a whole number" in problem.message


def test_names_that_do_not_exist_are_quoted_on_one_line() -> None:
    text = (
        'traffic: {web: {arrivals: {kind: poisson, rate: 5/s}, call: "a\\0\\e[31m", client: "b\\n"}}\n'
        f'clients: {{c: {{retry: {{on: "x\\0{"y" * 9999}"}}}}}}\n'
        "services: {api: {workers: 1, service_time: 1ms}}\nrun: {duration: 1min}\n"
    )
    problems = check_text(text)
    assert len(problems) == 3
    for problem in problems:
        assert str(problem).isprintable()
        assert len(str(problem)) < 600


def test_what_is_set_is_quoted_short_and_on_one_line() -> None:
    scenario = loads(
        "traffic: {web: {arrivals: {kind: poisson, rate: 5/s}, call: api}}\n"
        "services: {api: {workers: 1, service_time: 1ms}}\nrun: {duration: 1min}\n"
    )
    for path, value in (
        ("services.api.workers", "x\x1b[31m" + "y" * 99_999),
        ("services.api.\x1b[31m", "1"),
        ("services." + "x" * 99_999, "1"),
        ("services..\x1b", "1"),
    ):
        with pytest.raises(ScenarioError) as caught:
            scenario.set(path, value)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 2000
