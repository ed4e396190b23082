"""`forebay sensitivity`: a tornado for each metric, in every format."""

import json
from pathlib import Path

from sim.cli import status
from tests.cli.conftest import Forebay

VARY = ("--vary", "services.api.workers=3..6", "--vary", "traffic.web.arrivals.rate", "--step", "10%")


def test_a_tornado_in_words(small: Path, forebay: Forebay) -> None:
    code, out, err = forebay("sensitivity", str(small), *VARY, "-m", "traffic:web latency_mean")
    assert code == status.OK
    assert "mean latency of traffic:web" in out
    assert "services.api.workers" in out
    assert "3 … 6" in out
    assert "Elasticity" in out
    assert "seed 3" in err


def test_json_and_csv_have_a_row_a_parameter(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("sensitivity", str(small), *VARY, "-f", "json")
    found = json.loads(out)
    assert code == status.OK
    assert {row["path"] for row in found["sensitivity"]} == {
        "services.api.workers",
        "traffic.web.arrivals.rate",
    }
    assert found["sensitivity"][0]["metric"] == "success_ratio"
    _, out, _ = forebay("sensitivity", str(small), *VARY, "-f", "csv")
    assert out.splitlines()[0].startswith("subject,metric,unit,path,parameter_unit,low_value,")
    assert len(out.splitlines()) == 3


def test_markdown_names_what_is_left_out(small: Path, forebay: Forebay) -> None:
    _, out, _ = forebay(
        "sensitivity",
        str(small),
        "--set",
        "services.api.error_ratio=0",
        "-n",
        "2",
        "--step",
        "10%",
        "-f",
        "md",
    )
    assert "# small" in out
    assert "Left out: services.api.error_ratio" in out


def test_bad_shares_and_metrics_are_usage_errors(small: Path, forebay: Forebay) -> None:
    for words, said in (
        (("--by", "0%"), "--by 0% is not more than 0"),
        (("--step", "much"), "--step"),
        (("-m", "latency_p98"), "did you mean latency_p99"),
        (("--vary", "services.api.worker"), "did you mean services.api.workers"),
    ):
        code, out, err = forebay("sensitivity", str(small), *words)
        assert (code, out) == (status.USAGE, "")
        assert said in err
