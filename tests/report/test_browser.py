"""The page in a browser: offline, an empty console, every picture drawn, fit for a phone, and printed."""

from __future__ import annotations

import base64
import json
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.measure.results import Results
from sim.report.comparison import build
from sim.report.page import Report, write

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: Debian has it as the package chromium"),
    pytest.mark.skipif(DRIVER is None, reason="no chromedriver here: Debian has it as chromium-driver"),
]


@pytest.fixture(scope="module", params=["report", "comparison"])
def shown(request: pytest.FixtureRequest, report: Report, results: Results) -> Report:
    """The capacity report, and a comparison page."""
    if request.param == "report":
        return report
    other = results.scenario.set("clients.patient.retry.backoff.jitter", "full")
    return build(sim.compare({"in step": results, "<b>spread</b>": other}))


@pytest.fixture(scope="module")
def page(shown: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    write(shown, path)
    return path


@pytest.fixture(scope="module")
def browser(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without a network, showing the page."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="selenium is not installed: pip install forebay[test]"
    )
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--window-size=1000,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    try:
        driver.execute_cdp_cmd("Network.enable", {})
        driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
        )
        driver.get(page.as_uri())
        yield driver
    finally:
        driver.quit()


def test_it_opens_offline_with_an_empty_console_and_asks_for_nothing(browser: Any, page: Path) -> None:
    assert browser.get_log("browser") == []
    asked = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        parameters = message["params"]
        # The browser's own pages ask for their parts too.
        if message["method"] == "Network.requestWillBeSent" and parameters["documentURL"] == page.as_uri():
            asked.add(parameters["request"]["url"])
    assert page.as_uri() in asked
    assert {address for address in asked if not address.startswith("data:")} == {page.as_uri()}


def test_it_shows_the_scenarios_name_and_runs_nothing_of_it(browser: Any, shown: Report) -> None:
    assert browser.find_element("tag name", "h1").text == shown.name
    assert browser.execute_script("return document.scripts.length") == 0


def test_every_picture_is_drawn(browser: Any, shown: Report) -> None:
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('figure svg')].map(svg => {"
        " const box = svg.getBoundingClientRect(), drawn = svg.getBBox();"
        " return [box.width, box.height, drawn.width, drawn.height, svg.querySelectorAll('path').length]; })"
    )
    assert len(boxes) == sum(len(section.pictures) for section in shown.sections)
    for width, height, drawn_width, drawn_height, paths in boxes:
        assert width > 600
        assert height > 80
        assert drawn_width > 300
        assert drawn_height > 50
        assert paths > 10


def test_links_lead_to_sections(browser: Any, shown: Report) -> None:
    missing = browser.execute_script(
        "return [...document.querySelectorAll('nav a')].filter(a => !document.querySelector(a.hash)).length"
    )
    links = browser.find_elements("css selector", "nav a")
    assert missing == 0
    assert len(links) == len(shown.sections)


@pytest.mark.parametrize("width", [360, 700, 1400])
def test_it_is_never_wider_than_the_screen(browser: Any, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_prints(browser: Any) -> None:
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    document = base64.b64decode(printed["data"])
    assert document.startswith(b"%PDF-")
    assert len(document) > 20_000
    assert 2 <= _pages(document) <= 30


def _pages(document: bytes) -> int:
    """How many pages a PDF has: its page objects, plain or in compressed streams."""
    text = document
    for part in document.split(b"stream\n")[1:]:
        try:
            text += zlib.decompressobj().decompress(part)
        except zlib.error:
            continue
    return text.count(b"/Type /Page\n") + text.count(b"/Type /Page ") + text.count(b"/Type/Page/")
