"""What Prometheus says of rules and metrics, without running."""

from __future__ import annotations

import subprocess

from tests.lab.cache import program
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail


def promtool(*words: str, text: str = "") -> str:
    """What `promtool` says of what it refuses; empty if it takes all."""
    try:
        command = program("promtool", "prometheus")
    except MissingPartError as error:
        skip_or_fail(str(error))
    done = subprocess.run(
        [command, *words], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""
