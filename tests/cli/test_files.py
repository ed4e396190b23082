"""From what is typed to a scenario: paths, shipped names, settings, and what was probably meant."""

from pathlib import Path

import pytest

from sim.cli.files import complete_scenario, load_scenario, locate, parse_settings
from sim.errors import ScenarioError, UsageError
from sim.shipped import configs_directory, question, shipped


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\n")
    assert locate(str(path)) == path


def test_a_shipped_scenario_needs_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("mm1") == locate("mm1.yaml") == configs_directory() / "mm1.yaml"


def test_a_file_here_goes_before_a_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mm1.yaml").write_text("name: mine\n")
    assert locate("mm1.yaml") == Path("mm1.yaml")


def test_a_folder_does_not_hide_a_shipped_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mm1").mkdir()
    assert locate("mm1") == shipped()["mm1"]


@pytest.mark.parametrize("wrong", ["mm2", "configs/mm1", "nowhere/mm1.yaml"])
def test_a_near_miss_names_what_is_near(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="did you mean mm1"):
        locate(wrong)


def test_a_near_miss_names_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "checkout.yaml").write_text("name: mine\n")
    with pytest.raises(UsageError, match=r"did you mean .*checkout\.yaml"):
        locate(str(tmp_path / "chekout.yaml"))


def test_a_folder_is_not_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: mine\n")
    with pytest.raises(UsageError, match=r"is a folder, not a scenario file; did you mean .*a\.yaml"):
        locate(str(tmp_path))


def test_nothing_near_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="forebay init --list"):
        locate(str(tmp_path / "zzzzzz"))


def test_every_shipped_scenario_asks_a_question() -> None:
    assert shipped()
    assert not [name for name, path in shipped().items() if not question(path)]


def test_completion_offers_shipped_names_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "inner.yml").write_text("name: mine\n")
    names = [name for name, _ in complete_scenario("m")]
    assert {"mm1", "mine.yaml", "more/"} <= set(names)
    assert complete_scenario("more/") == [("more/inner.yml", "")]
    assert complete_scenario("nowhere/") == []


def test_settings_are_split_at_the_first_equals_sign() -> None:
    assert parse_settings(["a.b=12", "c = 250ms", "g=a=b"]) == {"a.b": "12", "c": "250ms", "g": "a=b"}


@pytest.mark.parametrize("wrong", ["services.api.workers", "=4", " = 4"])
def test_a_setting_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match=r"--set"):
        parse_settings([wrong])


def test_settings_change_the_scenario() -> None:
    scenario = load_scenario(
        "mm1", ["services.api.workers=3", "services.api.service_time={kind: constant, value: 5ms}"]
    )
    assert scenario.services["api"].workers == 3
    assert scenario.services["api"].service_time.moments()[0] == 0.005


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("services.api.wrokers=3", "services.api.workers"),
        ("services.api.workers=250ms", "--set services.api.workers=250ms"),
        ("run.duration=60", "60 has no unit"),
        ("name=!!python/object:os.system {}", "--set name="),
    ],
)
def test_a_wrong_setting_is_a_wrong_scenario(wrong: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario("mm1", [wrong])
    assert said in str(caught.value)
