"""The command lines of the docs, run: against one fleet that watches one real Engine.

The lab has what the docs name: the host `edge-1` in Berlin with the container `web` of `redis:7`,
which serves a domain and writes lines. What is written otherwise here than there is in `OTHERWISE`;
what is not run here is in `ELSEWHERE`, with the test that does.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.cli.running import Fleet, plain
from tests.lab.cache import docker_cli
from tests.lab.containers import ContainerSpec
from tests.lab.fixtures import Lab
from tests.lab.images import IMAGE
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until
from tests.storage.servers import Server
from tests.test_docs_examples import ROOT, Block, commands

PATIENCE = 90  # seconds for what takes three where nothing else runs
TALKS = "while :; do echo the queue: timeout; sleep 1; done"
WEB = ContainerSpec(
    image="redis:7",
    command=("sh", "-c", TALKS),
    labels={
        "fleet.logs": "true",
        "snadboy.revp.8080.domain": "shop.example.com",
        "snadboy.revp.8080.backend-host": "192.0.2.7",
    },
)

# What each command prints, as a regular expression.
PRINTS = {
    "fleet status": r"1 of 1 hosts up",
    "fleet ps": r"edge-1 +web",
    "fleet top": r"edge-1 +web",
    "fleet history edge-1/web --last 7d": r"CPU +min",
    "fleet logs --grep timeout --since 1h": r"edge-1/web \| the queue: timeout",
    "fleet images redis:7": r"edge-1",
    "fleet doctor edge-1": r"edge-1",
    "fleet routes --domain '*.example.com'": r"shop\.example\.com +up",
    "fleet token create traefik": r"^fleet_\w+\n",
    "fleet token create berlin --label site=berlin": r"^fleet_\w+\n",
    "fleet token create deploy --role operator --expires 90d": r"^fleet_\w+\n",
    "fleet token list": r"(?s)traefik .*berlin .*deploy ",
    "fleet token revoke traefik": r"traefik",
    "fleet audit": r"(?s)token.*traefik",
    "fleet user add ada --role admin": r"account ada",
    "fleet user add bob --label site=berlin --link": r"/welcome",
    "fleet user list": r"(?s)ada.*bob",
    "fleet user logout ada": r"ada",
    "fleet db status": r"container_logs|plain",
    "fleet db backup history.fleet": r"history\.fleet",
}
# What goes on until Ctrl-C, and what it prints before.
GOES_ON = {
    "fleet stats --watch": r"web",
    "fleet events --follow": r"unpause",
    "fleet logs edge-1/web -f": r"the queue: timeout",
}
# What is typed into a shell that is opened on the terminal.
OPENS = {"fleet docker edge-1 exec -it web sh": b"exit 0\n"}
OTHERWISE = {
    "fleet env db-1": ("fleet env edge-1", ""),  # one Engine is enough
    # A pipe has no terminal on which a password could be asked for.
    "fleet user add ada --role admin": (
        "fleet user add ada --role admin --password-file -",
        "correct horse battery",
    ),
}
# It takes hold of the machine, or needs one of its own.
ELSEWHERE = {
    "/usr/bin/fleet routes apply haproxy": ("tests/proxies/test_haproxy.py", "apply("),
    "fleet routes apply haproxy": ("tests/proxies/test_haproxy.py", "apply("),
    "/usr/bin/fleet routes apply nginx": ("tests/proxies/test_apply.py", 'form: str = "nginx"'),
    "fleet supervise --config": ("tests/fleet/test_apart.py", 'Process(config, "supervise")'),
    "fleet serve --config": ("tests/fleet/test_apart.py", "Served(config)"),
    # Nothing else may use the database.
    "fleet db restore": ("tests/cli/test_db.py", '"restore", str(file)'),
}


def of_fleet() -> list[tuple[Block, list[str]]]:
    """The blocks that have commands of ours, each with them, without comments."""
    found: dict[Block, list[str]] = {}
    for block, command in commands():
        words = shlex.split(command, comments=True)
        inner = re.findall(r"\$\((fleet [^)]*)\)", command)
        is_ours = bool(words) and words[0] in ("fleet", "/usr/bin/fleet")
        ours = [command.partition(" #")[0].strip()] if is_ours else inner
        found.setdefault(block, []).extend(re.sub(r"\s+", " ", one) for one in ours)
    return [(block, ours) for block, ours in found.items() if ours]


@pytest.fixture(scope="module")
def fleet(
    session_lab: Lab, module_lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    engine, database = module_lab.engine("trixie"), session_lab.postgres("plain")
    engine.docker("tag", IMAGE, "redis:7")
    engine.run_container("web", WEB)
    folder = tmp_path_factory.mktemp("fleet")
    made = Fleet(folder / "hosts.toml")
    made.config.write_text(f"""
[fleet]
listen = "127.0.0.1:{free_port()}"
data_dir = "{folder / "data"}"

[storage]
url = "{Server("plain", database.url).emptied()}"

[defaults.monitoring]
stats_interval = 1.0

[hosts.edge-1]
connection = "local"
socket = "{engine.socket}"
labels = {{ site = "berlin" }}
""")

    def is_ready() -> bool:
        assert running.poll() is None, running.communicate()
        history = made.run("history", "edge-1/web", "--last", "10m").stdout
        return "CPU  min" in history and "timeout" in made.run("logs", "--grep", "timeout").stdout

    with made.start("up") as running:
        try:
            wait_until(is_ready, "samples and lines are stored", PATIENCE, every=0.3)
            engine.docker("pause", "web")
            engine.docker("unpause", "web")
            yield made
        finally:
            running.terminate()
            running.communicate(timeout=60)
    assert running.returncode == 0


def test_every_command_is_run_or_its_test_named() -> None:
    known = {*PRINTS, *GOES_ON, *OPENS}
    told = {_bare(command) for _, ours in of_fleet() for command in ours}
    left = {command for command in told - known if not command.startswith("fleet env ")}
    assert {command for command in left if not command.startswith(tuple(ELSEWHERE))} == set()
    assert known - told == set()
    for beginning, (test, words) in ELSEWHERE.items():
        assert any(command.startswith(beginning) for command in told), beginning
        assert words in (ROOT / test).read_text(), (beginning, test)


@pytest.mark.parametrize(("block", "ours"), of_fleet(), ids=lambda each: str(each)[:40])
def test_commands_do_what_their_page_says(
    fleet: Fleet, block: Block, ours: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in map(_bare, ours):
        if command in PRINTS:
            written, stdin = OTHERWISE.get(command, (command, ""))
            run = partial(fleet.spawn, stdin=stdin) if stdin else fleet.run
            done = run(*shlex.split(written)[1:])
            assert done.returncode == 0, (block, command, done)
            assert re.search(PRINTS[command], done.stdout + done.stderr), (block, command, done)
        elif command in GOES_ON:
            _until_interrupted(fleet, command)
        elif command in OPENS:
            words = shlex.split(command)[1:]
            keys = OPENS[command]
            code, shown = fleet.terminal(
                *words, until=lambda text: "#" in text, keys=keys, deadline=PATIENCE
            )
            assert code == 0, shown
        elif command.startswith("fleet env "):
            address = fleet.out(*shlex.split(OTHERWISE.get(command, (command, ""))[0])[1:])
            address = address.splitlines()[0].removeprefix("export DOCKER_HOST=")
            asked = [docker_cli(), "-H", address, "ps", "--format", "{{.Names}}"]
            done_asking = subprocess.run(asked, capture_output=True, text=True, check=True)
            assert done_asking.stdout == "web\n"


def _bare(command: str) -> str:
    """Without where its output goes."""
    return command.partition(" > ")[0]


def _until_interrupted(fleet: Fleet, command: str) -> None:
    """On a terminal, as people look at it."""
    code, shown = fleet.terminal(
        *shlex.split(command)[1:],
        columns=120,
        until=lambda text: re.search(GOES_ON[command], plain(text)) is not None,
        keys=b"\x03",
        deadline=PATIENCE,
    )
    assert code in (0, 130), shown
    assert re.search(GOES_ON[command], plain(shown))
