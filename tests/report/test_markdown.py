"""The report as Markdown: pictures beside it, nothing of the reader's text taken for markup."""

from pathlib import Path

from sim.report.markdown import escaped
from sim.report.page import Report, write

PNG = b"\x89PNG\r\n\x1a\n"


def test_pictures_lie_beside_the_page_and_are_named_in_it(report: Report, tmp_path: Path) -> None:
    page, *pictures = write(report, tmp_path / "the report.md", "md")
    text = page.read_text(encoding="utf-8")
    assert len(pictures) == sum(len(section.pictures) for section in report.sections)
    for picture in pictures:
        assert picture.read_bytes().startswith(PNG)
        assert f"](the%20report-pictures/{picture.name})" in text


def test_sections_and_tables(report: Report, tmp_path: Path) -> None:
    text = write(report, tmp_path / "r.md", "md")[0].read_text(encoding="utf-8")
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert [int(head.split()[1].rstrip(".")) for head in heads] == [1, 2, 3, 5, 6, 7, 11, 12, 13]
    assert "| subject | metric | asked | measured | verdict |\n| :-- | :-- | :-- | :-- | :-- |" in text
    assert "```sh\nforebay report spike.yaml --seed 7 --replications 4\n```" in text


def test_names_are_escaped(report: Report, tmp_path: Path) -> None:
    text = write(report, tmp_path / "r.md", "md")[0].read_text(encoding="utf-8")
    assert text.startswith(r"# checkout \<script\>alert(1)\</script\> & $x\_1$ \|")
    outside = [part for place, part in enumerate(text.split("```")) if place % 2 == 0]
    assert "<script" not in "".join(outside).replace(r"\<script", "")


def test_markup_is_escaped() -> None:
    assert escaped("a|b *c* _d_ <e>\n[f](g) `h`") == r"a\|b \*c\* \_d\_ \<e\> \[f\](g) \`h\`"
