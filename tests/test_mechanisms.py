"""The page of mechanisms is what the classes and the runs say now, and has every kind that the language has."""

import difflib
import re
import xml.etree.ElementTree as ET

import pytest

from docs import mechanisms
from docs.tried import FAMILIES, Family
from sim.scenario.rule import Rule
from sim.scenario.scenario import Scenario


@pytest.fixture(scope="module")
def all_shown() -> list[mechanisms.Shown]:
    return mechanisms.run_all()


def test_page_is_that_of_these_runs(all_shown: list[mechanisms.Shown]) -> None:
    committed = mechanisms.PAGE.read_text(encoding="utf-8").splitlines()
    now = mechanisms.page(all_shown).splitlines()
    changed = "\n".join(
        difflib.unified_diff(committed, now, "docs/mechanisms.md", "these runs", lineterm="", n=1)
    )
    assert not changed, f"meant? then `python -m docs.mechanisms` and commit:\n{changed}"


def test_pictures_are_those_of_these_runs_and_say_in_words_what_they_show(
    all_shown: list[mechanisms.Shown],
) -> None:
    there = {path.stem: path.read_text(encoding="utf-8") for path in mechanisms.PICTURES.glob("*.svg")}
    # The figures are held by the page's test; drawing is the same for all, and one in eight is enough of it.
    now = {shown.name: mechanisms.picture(shown) for shown in all_shown[::8]}
    assert [name for name, text in now.items() if there.get(name) != text] == []
    assert set(there) == {shown.name for shown in all_shown}
    assert len(there) == len(all_shown)
    assert sum(map(len, there.values())) < 1_500_000
    for text in there.values():
        root = ET.fromstring(text)  # noqa: S314  # our own file
        assert root.attrib["role"] == "img"
        assert next(part.text for part in root if part.tag.endswith("desc"))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: str(family.title))
def test_every_kind_of_a_family_is_on_the_page(family: Family) -> None:
    assert tuple(entry.kind for entry in family.entries) == family.choices
    text = mechanisms.PAGE.read_text(encoding="utf-8")
    for entry in family.entries:
        assert f"\n### {entry.kind}\n" in text


def test_every_rule_of_a_client_and_a_service_is_in_a_family() -> None:
    """What a client or a service may have, and a page that forgot a whole choice would not."""
    tried = {entry.rule for family in FAMILIES for entry in family.entries if not isinstance(entry.rule, str)}
    apart = {"arrival_rule", "arrivals", "varying_arrivals", "trace"}
    apart |= {"closed_distributions", "phase_distributions", "empirical", "distributions", "batches"}

    def ends(base: type[Rule]) -> list[type[Rule]]:
        below = [end for one in base.__subclasses__() for end in ends(one)]
        return below or [base]

    package = Scenario.__module__.rpartition(".")[0]
    rules = {rule for rule in ends(Rule) if rule.__module__.rpartition(".")[0] == package}
    wanted = {rule for rule in rules if rule.__module__.rpartition(".")[2] not in apart}
    assert {rule.__name__ for rule in wanted} - {rule.__name__ for rule in tried} == set()


def test_what_is_typed_is_what_is_run() -> None:
    text = mechanisms.typed({"clients.app.retry.budget": "token_bucket"})
    assert text == "clients:\n  app:\n    retry:\n      budget: token_bucket"
    shown = re.findall(r"\]\(pictures/mechanisms/([\w]+)\.svg\)", mechanisms.PAGE.read_text(encoding="utf-8"))
    assert len(shown) == len(set(shown)) == sum(len(e.shows) for family in FAMILIES for e in family.entries)
