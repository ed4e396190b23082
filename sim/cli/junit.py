"""JUnit XML, as Jenkins, GitLab, GitHub's reporters and others read it: a suite a file, a case a finding."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from sim.cli.checked import Checked, Finding

ERRORS = frozenset({"invalid", "broken"})
"""Verdicts that are errors: nothing could be judged. What was judged and does not pass is a failure."""


def junit(checked: Sequence[Checked]) -> str:
    """The document."""
    suites = ET.Element("testsuites", {"name": "forebay check"})
    suites.attrib |= _counts([one for each in checked for one in each.findings])
    suites.set("time", f"{sum(each.seconds for each in checked):.3f}")
    for each in checked:
        _suite(suites, each)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _suite(above: ET.Element, each: Checked) -> None:
    suite = ET.SubElement(above, "testsuite", {"name": _clean(each.file)} | _counts(each.findings))
    suite.set("time", f"{each.seconds:.3f}")
    if each.gated is not None:
        run = each.gated.results
        properties = ET.SubElement(suite, "properties")
        facts = {
            "hash": run.scenario.hash,
            "seed": run.seed,
            "engine": run.engine,
            "replications": run.replications,
        }
        for name, value in facts.items():
            ET.SubElement(properties, "property", name=name, value=str(value))
    for finding in each.findings:
        _case(suite, each, finding)
    if each.gated is not None and each.gated.notes:
        ET.SubElement(suite, "system-out").text = _clean("\n".join(each.gated.notes))


def _case(suite: ET.Element, each: Checked, finding: Finding) -> None:
    # One run judges all objectives: its time is that of the suite.
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(each.scenario),
        name=_clean(finding.name),
        file=_clean(each.file),
        time="0",
    )
    if finding.line:
        case.set("line", str(finding.line))
    if finding.fails:
        kind = "error" if finding.verdict in ERRORS else "failure"
        fault = ET.SubElement(case, kind, type=finding.verdict, message=_clean(finding.text))
        fault.text = _clean(f"{each.file}:{finding.line}: {finding.text}" if finding.line else finding.text)
    else:
        ET.SubElement(case, "system-out").text = _clean(f"{finding.verdict}: {finding.text}")


def _counts(findings: Sequence[Finding]) -> dict[str, str]:
    failing = [finding for finding in findings if finding.fails]
    errors = sum(finding.verdict in ERRORS for finding in failing)
    return {
        "tests": str(len(findings)),
        "failures": str(len(failing) - errors),
        "errors": str(errors),
        "skipped": "0",
    }


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return "".join(one if one >= " " or one in "\t\n" else "?" for one in text if one not in "\ufffe\uffff")
