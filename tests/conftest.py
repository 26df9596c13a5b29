"""Fixtures for every test, and a word at the end on what could not be tested here."""

import os
import signal
import sys
from collections import Counter

import pytest

pytest_plugins = ["tests.lab.fixtures"]

# Files that take longest begin first: three run at a time, and none should be left for the end.
LONGEST = (
    "tests/faults/test_kills.py",
    "tests/proxies/test_site.py",
    "tests/test_project.py",
    "tests/faults/test_default_settings.py",
    "tests/lab/test_sweep.py",
    "tests/faults/test_leaks.py",
    "tests/lab/test_demo.py",
    "tests/lab/test_engines.py",
    "tests/proxies/test_haproxy.py",
    "tests/storage/test_kills.py",
    "tests/storage/test_retention.py",
    "tests/fleet/test_app.py",
)

# Without compiled files every `fleet` that a test starts compiles all of itself: 4 s of the
# processor instead of 1.5 s; and so does each of the three that collect the tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first, the others as they are."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List once why tests were skipped, most frequent first."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("not tested here")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:4} x {reason}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    told = report.longrepr
    text = told[2] if isinstance(told, tuple) else str(told)
    return text.removeprefix("Skipped: ")
