"""A run as JUnit XML: each measure is a test case, as CI servers show them."""

from __future__ import annotations

from xml.etree import ElementTree

from aura_evals.gate import Verdict
from aura_evals.result import Result, flat


def as_junit(result: Result, verdict: Verdict) -> bytes:
    """One suite; a measure fails with its broken floor or its regression, a violation is a case of its own."""
    faults: dict[str, list[str]] = {}
    for broken in result.broken:
        faults.setdefault(broken.floor.measure, []).append(str(broken))
    for moved in verdict.regressions:
        text = [str(moved)]
        text += [
            f"{each.id}: {each.before:.3f} -> {each.after:.3f}: {each.query}\n"
            f"  then: {each.answer_before}\n  now: {each.answer_after}"
            for each in moved.changes
        ]
        faults.setdefault(moved.measure, []).append("\n".join(text))
    names = flat(result.metrics)
    failures = len(faults) + len(result.violations)
    suite = ElementTree.Element(
        "testsuite",
        name=f"{result.suite} on {result.dataset}",
        tests=str(len(names) + len(result.violations)),
        failures=str(failures),
    )
    for name, value in names.items():
        case = ElementTree.SubElement(suite, "testcase", classname=result.suite, name=name)
        ElementTree.SubElement(case, "system-out").text = f"{value:.6f}"
        if name in faults:
            problem = _clean("\n".join(faults[name]))
            ElementTree.SubElement(case, "failure", message=problem.splitlines()[0]).text = problem
    for violation in result.violations:
        case = ElementTree.SubElement(suite, "testcase", classname=result.suite, name=_clean(violation))
        ElementTree.SubElement(case, "failure", message=_clean(violation))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _clean(text: str) -> str:
    """Without the control characters that XML can not hold."""
    return "".join(c for c in text if c in "\n\t" or c >= " ")
