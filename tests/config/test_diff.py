from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from config.diff import diff
from config.load import without_file
from config.models import Config, Host, LocalHost, Revp, Route, SshHost, Storage, TcpHost, TlsFiles
from config.references import Fingerprints, files_of, fingerprints, referenced

KEY, CA, HOSTS = Path("/k"), Path("/ca"), Path("/known")
LOCAL = LocalHost(name="local")
SSH = SshHost(name="ssh", address="a", key_file=KEY, known_hosts_file=HOSTS)
TCP = TcpHost(name="tcp", address="b", tls=TlsFiles(ca_file=CA))


def config(*hosts: Host) -> Config:
    return without_file({host.name: host for host in hosts})


def changed(host: Host, **keys: object) -> Host:
    return msgspec.structs.replace(host, **keys)


def test_the_same_configuration_asks_for_nothing() -> None:
    found = diff(config(LOCAL, SSH, TCP), config(LOCAL, SSH, TCP))
    assert not found
    assert found.message is None


def test_hosts_come_go_and_change() -> None:
    new = config(LOCAL, changed(SSH, port=23), changed(LOCAL, name="more"))
    found = diff(config(LOCAL, SSH, TCP), new)
    assert (found.started, found.stopped, found.restarted) == (("more",), ("tcp",), ("ssh",))
    assert found


def test_a_disabled_host_is_not_wanted() -> None:
    off = config(changed(LOCAL, enabled=False))
    assert diff(config(LOCAL), off).stopped == ("local",)
    assert diff(off, config(LOCAL)).started == ("local",)
    assert not diff(off, config(changed(LOCAL, enabled=False, socket=Path("/x"))))


@pytest.mark.parametrize(
    "keys", [{"labels": {"a": "b"}}, {"route_address": "10.0.0.1"}, {"container_ip": True}]
)
def test_what_only_filters_and_proxies_ask_for_restarts_nothing(keys: dict[str, object]) -> None:
    assert not diff(
        config(LOCAL, SSH, TCP), config(*(changed(host, **keys) for host in (LOCAL, SSH, TCP)))
    )
    both = diff(config(SSH), config(changed(SSH, port=23, **keys)))
    assert both.restarted == ("ssh",)


def test_routes_and_their_settings_need_no_restart() -> None:
    route = Route(domain="a.lan", backend_url="http://10.0.0.5:80")
    new = msgspec.structs.replace(config(LOCAL), revp=Revp(drain=1.0), routes=(route,))
    assert not diff(config(LOCAL), new)


def test_a_host_of_another_kind_by_the_same_name_restarts() -> None:
    assert diff(config(LOCAL), config(changed(SSH, name="local"))).restarted == ("local",)


@pytest.mark.parametrize(("file", "restarted"), [(KEY, "ssh"), (CA, "tcp")])
def test_a_host_restarts_when_a_file_of_it_changed(file: Path, restarted: str) -> None:
    before: Fingerprints = dict.fromkeys((KEY, HOSTS, CA), (1, 1, 1, 1))
    for mark in ((2, 1, 1, 1), None):
        found = diff(
            config(LOCAL, SSH, TCP), config(LOCAL, SSH, TCP), before, {**before, file: mark}
        )
        assert found.restarted == (restarted,)


def test_a_host_does_not_restart_when_another_was_trusted() -> None:
    before: Fingerprints = dict.fromkeys((KEY, HOSTS), (1, 1, 1, 1))
    assert not diff(config(SSH), config(SSH), before, {**before, HOSTS: (2, 1, 1, 1)})


def test_what_only_a_restart_of_the_program_brings_is_named() -> None:
    old = config(LOCAL)
    new = msgspec.structs.replace(
        old,
        fleet=msgspec.structs.replace(old.fleet, listen="127.0.0.1:1"),
        storage=Storage(url="postgresql://db/f", readers=2),
    )
    found = diff(old, new)
    assert (found.fleet_changed, found.storage_changed) == (("listen",), ("url", "readers"))
    assert found.message is not None
    assert found.message.endswith("restart of fleet: fleet.listen, storage.url, storage.readers")
    assert found.restarted == ()


def test_references(tmp_path: Path) -> None:
    assert files_of(SSH) == (KEY,)
    assert files_of(TCP) == (CA,)
    assert referenced(config(LOCAL, SSH, changed(TCP, enabled=False))) == {KEY}
    (tmp_path / "a").write_text("x")
    found = fingerprints([tmp_path / "a", tmp_path / "b"])
    assert found[tmp_path / "a"] is not None
    assert found[tmp_path / "b"] is None
