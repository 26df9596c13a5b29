"""Fixtures for every test, and a word at the end on what could not be tested here."""

import os
import signal
import sys
from collections import Counter
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped] # has no types

pytest_plugins = ["tests.lab.fixtures"]

# Files that take longest begin first, in this order: several run at a time, and none should be left
# for the end.
LONGEST = (
    "tests/pages/",
    "tests/faults/test_kills.py",
    "tests/storage/test_embedded.py",
    "tests/test_project.py",
    "tests/proxies/test_site.py",
    "tests/fleet/test_session_engines.py",
    "tests/faults/test_default_settings.py",
    "tests/fleet/test_apart.py",
    "tests/fleet/test_app.py",
    "tests/fleet/test_served.py",
    "tests/fleet/test_logs.py",
    "tests/storage/test_outages.py",
    "tests/lab/test_engines.py",
    "tests/lab/test_demo.py",
    "tests/faults/test_leaks.py",
)

TOGETHER = ("tests/pages/",)  # one fleet of three Engines and one browser for all of its files

# Without compiled files every `fleet` that a test starts compiles all of itself: 4 s of the
# processor instead of 1.5 s; and so does each of the three that collect the tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first, the others as they are."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(_unit(item.nodeid), len(LONGEST)))


class ByUnit(LoadFileScheduling):  # type: ignore[misc] # as above
    """Gives whole files to those who test, and folders whose files share what they start."""

    def _split_scope(self, nodeid: str) -> str:
        return _unit(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByUnit:
    """Hand out the tests, wherever several run at a time."""
    return ByUnit(config, log)


def _unit(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(folder)), file)


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
