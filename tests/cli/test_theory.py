"""`forebay theory`: models that apply, side by side, and why others do not."""

import json
from pathlib import Path

from sim.cli import status
from tests.cli.conftest import Forebay


def test_text_says_what_applies_and_what_does_not(forebay: Forebay) -> None:
    code, out, err = forebay("theory", "mm1")
    assert code == status.OK
    assert err == ""
    assert "M/M/1" in out
    assert "exact" in out
    assert "Models that do not apply" in out


def test_json_carries_the_shape_of_a_run(forebay: Forebay) -> None:
    document = json.loads(forebay("theory", "mm1", "-f", "json")[1])
    assert document["schema_version"] == 1
    assert len(document["hash"]) == 16
    model = document["models"][0]
    assert {"name", "applies_to", "exact", "why", "summary"} <= set(model)
    row = next(row for row in model["summary"] if row["metric"] == "sojourn_mean")
    assert row["subject"] == "service:api"
    assert abs(row["mean"] - 0.05) < 1e-12
    assert all({"name", "why"} <= set(each) for each in document["rejected"])


def test_csv_and_markdown(forebay: Forebay) -> None:
    assert forebay("theory", "mm1", "-f", "csv")[1].startswith(
        "subject,metric,mean,low,high,n,unit,method,model\n"
    )
    assert "| M/M/1 |" in forebay("theory", "mm1", "-f", "md")[1]


def test_where_no_model_applies_every_reason_is_given(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay(
        "theory", str(small), "--set", "services.api.service_time={kind: lognormal, mean: 1s, cv: 3}"
    )
    assert code == status.OK
    assert "Models that do not apply" in out
    assert "retr" in out
