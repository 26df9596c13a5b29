"""The demo's Engines run until it is told to end, and then nothing is left of them."""

import signal
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.lab.owners import BASE
from tests.lab.reap import processes_of
from tests.lab.runs import run_folder


def test_the_demo_starts_three_engines_and_cleans_up_on_sigterm() -> None:
    try:
        run_folder()
    except MissingPartError as error:
        skip_or_fail(str(error))
    command = [sys.executable, "-m", "tests.lab.demo", "--no-fleet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        line = next((line for line in demo.stdout if "configuration: " in line), "")
        assert line, "the demo ended before it was up"
        config = Path(line.rpartition(" ")[2].strip())
        hosts = tomllib.loads(config.read_text())["hosts"]
        assert [host["connection"] for host in hosts.values()] == ["local", "ssh", "tcp"]
        run = config.parent.parent
        assert run.parent == BASE
        assert processes_of(run)
        demo.send_signal(signal.SIGTERM)
        assert "everything is removed" in demo.stdout.read()
        assert demo.wait(60) == 0
    assert processes_of(run) == []
    assert not run.exists()
