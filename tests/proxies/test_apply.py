"""`fleet routes apply` against a fleet's API, with programs of its own in the proxy's place."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.cli import apply_round
from fleet.cli.apply_files import Files
from fleet.cli.apply_follow import Stop
from fleet.cli.root import run
from tests.lab.echo import Source, requests
from tests.lab.waiting import wait_until
from tests.labels.render.tables import member
from tests.proxies.applying import plain
from tests.proxies.served import Served

PATIENCE = 30.0
A = plain("a.example", member("h/a", "10.0.0.1"))
B = plain("b.example", member("h/b", "10.0.0.2"))


@dataclass
class Proxy:
    """Counts how often it was checked and reloaded, and refuses what it is told to.

    Attributes:
        refuses, fails: Words that a file must not have, for its check and for its reload.
    """

    folder: Path
    url: str
    refuses: str = "REFUSED"
    fails: str = "FAILS"

    @property
    def file(self) -> Path:
        return self.folder / "routes.conf"

    def words(self, *more: str, form: str = "nginx") -> list[str]:
        loaded = self.folder / "loaded"
        self._script("check", f"echo >> {loaded}.checks; ! grep -e '{self.refuses}' {self.file}")
        self._script(
            "reload",
            f"echo >> {loaded}.times; ! grep -e '{self.fails}' {self.file} || exit 1\n"
            f"cp {self.file} {loaded}",
        )
        words = ["routes", "apply", form, "--url", self.url, "--to", str(self.file)]
        words += [f"--{name}={self.folder / name}.sh now" for name in ("check", "reload")]
        return [*words, *more]

    def _script(self, name: str, lines: str) -> None:
        script = self.folder / f"{name}.sh"
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(0o755)

    def count(self, name: str) -> int:
        path = self.folder / name
        return path.read_bytes().count(b"\n") if path.exists() else 0

    @property
    def checks(self) -> int:
        return self.count("loaded.checks")

    @property
    def reloads(self) -> int:
        return self.count("loaded.times")

    @property
    def loaded(self) -> str:
        return (self.folder / "loaded").read_text()

    def left(self) -> set[str]:
        """What lies beside its files."""
        names = {path.name for path in self.folder.iterdir() if path.suffix != ".sh"}
        return names - {"loaded", "loaded.checks", "loaded.times", ".routes.conf.fleet-lock"}


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with Served() as served:
        yield served


@pytest.fixture
def served(server: Served) -> Served:
    if not server.is_running:
        server.start()
    server.give(A)
    return server


@pytest.fixture
def proxy(tmp_path: Path, served: Served) -> Proxy:
    return Proxy(tmp_path, served.url)


def test_a_file_is_written_checked_and_loaded_only_if_it_changes(
    proxy: Proxy, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(proxy.words("--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["changed"], said["format"], said["path"]) == (True, "nginx", str(proxy.file))
    assert (proxy.checks, proxy.reloads) == (1, 1)
    assert proxy.loaded == proxy.file.read_text()
    assert "server 10.0.0.1:80;" in proxy.loaded
    assert run(proxy.words("--json")) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert (proxy.checks, proxy.reloads) == (1, 1)
    served.give(A, B)
    assert run(proxy.words("--set", "keepalive=7", "--domain", "b.*")) == 0
    assert "keepalive 7;" in proxy.loaded
    assert "10.0.0.1" not in proxy.loaded
    assert proxy.left() == {"routes.conf"}


def test_what_the_proxy_refuses_does_not_stay(
    proxy: Proxy, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.refuses = "10.0.0.1"
    assert run(proxy.words()) == 1
    assert proxy.left() == set(), "there was no file before"
    assert proxy.reloads == 0
    proxy.refuses = "10.0.0.2"
    assert run(proxy.words()) == 0
    before = proxy.file.read_bytes()
    served.give(A, B)
    assert run(proxy.words()) == 1
    assert "server 10.0.0.2:80;" in capsys.readouterr().err, "what the check said"
    assert (proxy.file.read_bytes(), proxy.reloads) == (before, 1)
    assert proxy.left() == {"routes.conf"}


def test_a_reload_that_fails_is_undone(
    proxy: Proxy, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(proxy.words()) == 0
    before = proxy.loaded
    proxy.fails = "10.0.0.2"
    served.give(B)
    assert run(proxy.words()) == 1
    assert "reloaded with the old file" in capsys.readouterr().err
    assert proxy.file.read_text() == proxy.loaded == before
    assert proxy.reloads == 3
    assert proxy.left() == {"routes.conf"}


def test_mode_owner_and_links_stay(proxy: Proxy, served: Served) -> None:
    real = proxy.folder / "real"
    real.mkdir()
    target = real / "target.conf"
    target.write_text("# old\n")
    target.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(target, 12345, 23456)
    before = target.stat()
    proxy.file.symlink_to(target)
    assert run(proxy.words()) == 0
    after = target.stat()
    assert proxy.file.is_symlink()
    assert "10.0.0.1" in target.read_text()
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino, "it was replaced, not overwritten"
    served.give(B)
    proxy.refuses = "10.0.0.2"
    assert run(proxy.words()) == 1
    assert (target.stat().st_ino, target.stat().st_uid) == (after.st_ino, after.st_uid)


@pytest.mark.parametrize("trouble", ["incomplete", "away", "no routes", "another server"])
def test_without_a_whole_document_nothing_is_touched(
    proxy: Proxy, served: Served, trouble: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(proxy.words()) == 0
    before = proxy.file.stat()
    more: list[str] = []
    with Source(b"") as source:
        if trouble == "incomplete":
            served.give(complete=False)
        elif trouble == "away":
            served.stop()
        elif trouble == "no routes":
            more = ["--domain", "other.example"]
        else:
            proxy.url = source.url
        assert run(proxy.words(*more)) == 1
    assert proxy.file.stat() == before
    assert (proxy.checks, proxy.reloads) == (1, 1)
    said = capsys.readouterr().err
    assert "fleet: " in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "more",
    [
        ["--map", "x"],
        ["--set", "keepalive"],
        ["--reload", "'"],
        ["--reload", ""],
    ],
)
def test_wrong_usage_is_told_apart(proxy: Proxy, more: list[str]) -> None:
    assert run(proxy.words(*more)) == 2
    assert proxy.left() == set()


def test_haproxy_must_be_told_how_to_check_its_backends(proxy: Proxy) -> None:
    words = proxy.words("--set", "mode=backends", form="haproxy")
    assert run([word for word in words if not word.startswith("--check")]) == 2
    assert run(proxy.words("--set", "map=/x", form="haproxy")) == 2


def test_haproxys_map_goes_with_its_configuration(proxy: Proxy, served: Served) -> None:
    assert run(proxy.words(form="haproxy")) == 0
    lines = proxy.folder / "hosts.map"
    assert f"map_beg({lines})" in proxy.loaded
    assert "a.example/ revp.a.example\n" in lines.read_text()
    before = lines.read_bytes()
    proxy.refuses = "10.0.0.2"
    served.give(A, B)
    assert run(proxy.words(form="haproxy")) == 1
    assert lines.read_bytes() == before
    assert proxy.left() == {"routes.conf", "hosts.map"}


def test_a_run_that_was_cut_short_is_undone(
    proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.file.write_text("# old\n")
    Files(proxy.file).put({proxy.file: b"# unchecked\n"})
    assert ".routes.conf.fleet-old" in proxy.left()
    proxy.refuses = "10.0.0.1"
    assert run(proxy.words()) == 1
    assert "was cut short" in capsys.readouterr().err
    assert proxy.file.read_text() == "# old\n"
    assert proxy.loaded == "# old\n"
    assert proxy.left() == {"routes.conf"}


def test_a_run_that_was_cut_short_before_it_changed_anything_leaves_nothing(
    proxy: Proxy, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(proxy.words()) == 0
    before = proxy.file.read_bytes()
    (proxy.folder / ".routes.conf.fleet-old").hardlink_to(proxy.file)
    (proxy.folder / ".routes.conf.fleet-new").write_text("# half")
    capsys.readouterr()
    served.give(A, B)
    assert run(proxy.words()) == 0, capsys.readouterr().err
    assert "was cut short" not in capsys.readouterr().err, "all is as it was"
    assert "10.0.0.2" in proxy.loaded
    assert proxy.loaded.encode() == proxy.file.read_bytes() != before
    assert proxy.reloads == 2
    assert proxy.left() == {"routes.conf"}


@pytest.mark.parametrize("phase", ["check", "reload"])
@pytest.mark.parametrize("code", [0, 1])
def test_a_signal_leaves_no_file_half_way(proxy: Proxy, phase: str, code: int) -> None:
    proxy.file.write_text("# old\n")
    words = proxy.words()
    script = proxy.folder / f"{phase}.sh"
    script.write_text(f"#!/bin/sh\nkill -TERM $PPID; kill -INT $PPID; exit {code}\n")
    done = subprocess.run(
        [sys.executable, "-m", "fleet", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == code, done.stderr
    assert (proxy.file.read_text() == "# old\n") == bool(code)
    assert proxy.left() == {"routes.conf"}


def test_two_do_not_look_after_one_file(proxy: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    with Files(proxy.file).locked():
        assert run(proxy.words()) == 1
        assert f"process {os.getpid()}" in capsys.readouterr().err
    assert run(proxy.words()) == 0


def test_a_folder_that_is_not_there_is_said(
    proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*proxy.words(), "--to", str(proxy.folder / "missing" / "routes.conf")]) == 1
    assert "No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["check", "reload"])
def test_a_program_that_is_not_there_is_said_before_anything_is_touched(
    proxy: Proxy, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(proxy.words(f"--{option}", "no-such-program -t")) == 1
    assert f"--{option}: there is no program no-such-program" in capsys.readouterr().err
    assert (proxy.left(), proxy.checks) == (set(), 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system")
@pytest.mark.parametrize("pages", [2, 3])  # not even one for the lock; none for the new file
def test_a_full_disk_changes_nothing(
    proxy: Proxy, pages: int, capsys: pytest.CaptureFixture[str]
) -> None:
    small = proxy.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={4 * pages}k", "tmpfs", small], check=True)
    try:
        file = small / "routes.conf"
        file.write_text("# old\n")
        words = [*proxy.words(), "--to", str(file)]
        (small / "filler").write_bytes(b"x" * 4096)
        assert run(words) == 1
        said = capsys.readouterr().err
        assert "No space left on device" in said
        assert "make room" in said
        assert (file.read_text(), proxy.checks) == ("# old\n", 0)
    finally:
        subprocess.run(["umount", small], check=True)


def test_names_that_do_not_resolve_are_found() -> None:
    pool = b"upstream x {\n    server %s:80 weight=3;\n    server %s:81;\n}\n"
    assert apply_round.unresolved(pool % (b"localhost", b"10.0.0.1"), b"") == ()
    assert apply_round.unresolved(pool % (b"name.invalid", b"[fd00::5]"), b"") == ("name.invalid",)


def test_an_outage_of_dns_takes_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(reason, "as it says")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    pool = b"upstream x {\n    server old.example:80;\n    server new.example:80;\n}\n"
    present = b"upstream x {\n    server old.example:80;\n}\n"
    reason = socket.EAI_AGAIN
    assert apply_round.unresolved(pool, present) == ("new.example",)
    reason = socket.EAI_NONAME
    assert apply_round.unresolved(pool, present) == ("new.example", "old.example")


def test_what_follows_lives_through_all_that_may_befall_fleet(proxy: Proxy, served: Served) -> None:
    log = proxy.folder / "log"
    proxy.refuses = "10.0.0.9"
    served.stop()
    command = [sys.executable, "-m", "fleet", *proxy.words("--follow", "--json")]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:

        def has(text: str) -> None:
            wait_until(
                lambda: proxy.file.exists() and text in proxy.file.read_text(), text, PATIENCE
            )

        wait_until(lambda: "nothing answers" in log.read_text(), "it waits", PATIENCE)
        served.start()
        has("10.0.0.1")
        wait_until(lambda: proxy.reloads == 1, "loaded", PATIENCE)
        for number in range(20):
            served.give(A, plain(f"n{number}.example", member("h/n", "10.0.0.3")))
        has("n19.example")
        wait_until(lambda: "n19" in proxy.loaded, "loaded", PATIENCE)
        assert proxy.reloads < 12, "a burst is not a reload each"
        served.give(plain("bad.example", member("h/x", "10.0.0.9")))
        wait_until(lambda: "refuses the new" in log.read_text(), "a refusal", PATIENCE)
        has("n19.example")
        served.give(B, complete=False)
        wait_until(lambda: "Not all hosts" in log.read_text(), "it waits again", PATIENCE)
        has("n19.example")
        served.stop()
        served.give_later(B)
        served.start()
        has("10.0.0.2")
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
    said = log.read_text()
    assert said.count("refuses the new") == 1, "each is said once"
    assert "Traceback" not in said
    assert next(json.loads(line) for line in said.splitlines() if line[0] == "{")["changed"]


def test_what_follows_lives_through_what_answers_in_the_place_of_fleet(proxy: Proxy) -> None:
    log = proxy.folder / "log"

    class Gateway(Source):
        """Has the document, but what it says of the table is no fleet's."""

        def serve(self, client: socket.socket) -> None:
            for target, _ in requests(client):
                self.asked.append((target, {}))
                text = b"# routes\n"
                head = b"HTTP/1.1 200 OK\r\nX-Fleet-Revision: 1\r\nX-Fleet-Issues: 0\r\n"
                if target.startswith("/api/revp/routes"):
                    head = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n"
                client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(text) + text)

    with Gateway() as gateway, log.open("wb") as file:
        proxy.url = gateway.url
        command = [sys.executable, "-m", "fleet", *proxy.words("--follow")]
        process = subprocess.Popen(command, stdout=file, stderr=file)
        try:
            wait_until(lambda: len(gateway.asked) > 2, "it asks again", PATIENCE)
            process.terminate()
            assert process.wait(PATIENCE) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()


def test_a_signal_ends_a_wait_and_nothing_else() -> None:
    stop, done = Stop(), []
    with stop.received():
        with stop.waiting():
            done.append("waited")
        os.kill(os.getpid(), 15)
        done.append("written")
        with stop.waiting():
            done.append("never")
    assert done == ["waited", "written"]
