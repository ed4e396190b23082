"""`forebay headroom` and `forebay forecast`: how much load, until when, and what to order by when."""

import json
from pathlib import Path

import pytest

import sim
from sim.cli import status
from sim.cli.headroom import answers
from sim.study.growth.headroom import headroom
from sim.study.metastability.margin import Margin
from tests.cli.conftest import Forebay
from tests.study.growth.test_headroom import SHOP as LONGER

SHOP = LONGER.replace("duration: 80s, warmup: 10s", "duration: 30s, warmup: 5s")

PLAN = "plan: {growth: {rate: 8% per month, start: 2026-01-31, horizon: 8 months}, lead_time: 6 weeks, purchase: 4}\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A growing service, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shop.yaml"
    path.write_text(f"name: shop\n{SHOP}{PLAN}", encoding="utf-8")
    return path


def test_headroom_in_every_format(shop: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("headroom", shop.name)
    assert code == status.OK
    assert "Headroom: certified: the load may grow to 1." in out
    assert "then mean latency" in " ".join(out.split())
    code, out, _ = forebay("headroom", shop.name, "-f", "json")
    found = json.loads(out)
    assert 1.0 < found["low"] <= found["factor"] <= found["high"] < 1.6
    _, out, _ = forebay("headroom", shop.name, "-f", "csv")
    assert out.splitlines()[0] == "factor,verdict,replications,binding,case,needed"
    code, out, _ = forebay("headroom", shop.name, "--set", "services.api.workers=8", "-f", "md")
    assert code == status.MISSED
    assert "# shop" in out


def test_spikes_must_fit_the_run(shop: Path, forebay: Forebay) -> None:
    code, _, err = forebay("headroom", shop.name, "--spike", "2h")
    assert code == status.USAGE
    assert "does not end within the run" in err
    code, _, err = forebay("headroom", shop.name, "--spike", "long")
    assert code == status.USAGE
    assert "--spike" in err


def test_a_spike_that_nothing_tips_is_said_so(shop: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("headroom", shop.name, "--spike", "100ms", "-f", "md")
    said = " ".join(out.split())
    assert (
        "comes back from a spike of 100 ms up to 64 times the load, the most tried, in 95% of the runs"
        in said
    )
    assert "inf" not in said


def test_where_the_trouble_is_not_the_spike_s_it_is_said_so() -> None:
    found = headroom(sim.loads(SHOP))
    none = Margin("height", 0.05, 0.0, 0.0, 0.5, 0.95, 1_408, {0.015625: 0.07, 0.5: 0.08})
    (_, said) = answers(found, none, 2.0)
    assert said.startswith(
        "Even with a spike of 2 s of 0.016 times the load, 7% of the runs do not come back"
    )


def test_a_forecast_in_words(shop: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("forecast", shop.name)
    assert code == status.OK
    assert "Purchases of services.api.workers within 8 months, 6 weeks from order to use" in out
    assert "The load grows by 8 % per month." in out
    assert "Capacity runs out in " in out
    assert ", on 2026-0" in out


def test_a_forecast_as_data(shop: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("forecast", shop.name, "-f", "json", "--lead-time", "1 year")
    found = json.loads(out)
    assert code == status.OK
    assert found["purchases"][0]["order"] < 0.0
    assert found["purchases"][0]["bought"] == 4
    _, out, _ = forebay("forecast", shop.name, "-f", "csv")
    assert out.splitlines()[0].startswith("bought,workers,capacity,")


def test_growth_on_the_command_line(shop: Path, forebay: Forebay) -> None:
    shop.write_text(f"name: shop\n{SHOP}", encoding="utf-8")
    code, out, _ = forebay("forecast", shop.name, "--growth", "-1% per month", "-f", "md")
    assert code == status.OK
    assert "Capacity does not run out within 2 years." in out
    code, _, err = forebay("forecast", shop.name)
    assert code == status.USAGE
    assert "plan: {growth: 8% per month}" in err
    code, _, err = forebay("forecast", shop.name, "--growth", "8% monthly")
    assert code == status.INVALID
    assert "--growth 8% monthly: plan.growth" in err
    assert "did you mean 8% per month?" in err
