"""Certificates and keys that do not fit: told apart, that host's alone, over by themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.models import TlsFiles
from fleet.model import Failure
from tests.faults.watched import Watched, ssh, tcp, watched
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.tls import Authority
from tests.lab.tls import TlsFiles as Pair


def have(pair: Pair, place: Pair) -> None:
    """Put a pair's files in the place of another's."""
    for source, target in ((pair.ca, place.ca), (pair.cert, place.cert), (pair.key, place.key)):
        fresh = target.with_suffix(".new")
        fresh.write_bytes(source.read_bytes())
        fresh.chmod(0o600)
        fresh.replace(target)


def in_folder(folder: Path) -> Pair:
    return Pair(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")


@pytest.fixture(scope="module")
def authority(module_lab: Lab) -> Authority:
    return module_lab.authority()


@pytest.fixture(scope="module")
def engine(module_lab: Lab, authority: Authority) -> Engine:
    engine = module_lab.engine("sid", tcp=authority.server("127.0.0.1"))
    engine.run_containers(1)
    return engine


def failure(fleet: Watched, name: str) -> Failure:
    found = fleet.tracker.hosts[name].error
    assert found is not None
    return found


async def test_our_side_does_not_fit(
    lab: Lab, engine: Engine, authority: Authority, tmp_path: Path
) -> None:
    assert engine.address
    client, foreign = authority.client(), lab.authority()
    stranger = foreign.client()
    cases: dict[str, tuple[Pair, str, str]] = {
        "wrong-ca": (Pair(foreign.ca, client.cert, client.key), "tls", "unknown CA"),
        "refused": (Pair(authority.ca, stranger.cert, stranger.key), "authentication", "refused"),
    }
    hosts = []
    for name, (pair, _, _) in cases.items():
        (tmp_path / name).mkdir()
        have(pair, in_folder(tmp_path / name))
        hosts.append(tcp(name, engine.address, in_folder(tmp_path / name)))
    named = TlsFiles(
        ca_file=client.ca, cert_file=client.cert, key_file=client.key, server_name="db.lan"
    )
    hosts += [tcp("well", engine.address, client)]
    hosts += [tcp("wrong-name", engine.address, client, tls=named)]
    async with watched(*hosts) as fleet:
        for name, (_, kind, words) in cases.items():
            await fleet.until_down(name)
            found = failure(fleet, name)
            assert (found.kind, words in found.message) == (kind, True), found
        await fleet.until_down("wrong-name")
        assert failure(fleet, "wrong-name").kind == "tls"
        assert "db.lan" in failure(fleet, "wrong-name").message
        await fleet.until_up("well")
        for name in cases:  # mended files are taken at the next attempt
            have(client, in_folder(tmp_path / name))
        await fleet.until_up(*cases)
        assert fleet.statuses("well") == ["connecting", "up"]


@pytest.mark.parametrize("fault", ["expired", "wrong name", "foreign"])
async def test_the_engines_certificate_is_changed_while_it_is_watched(
    lab: Lab, authority: Authority, tmp_path: Path, fault: str
) -> None:
    place = in_folder(tmp_path)
    good = authority.server("127.0.0.1")
    have(good, place)
    bad: dict[str, tuple[Callable[[], Pair], str]] = {
        "expired": (lambda: authority.server("127.0.0.1", expired=True), "expired"),
        "wrong name": (lambda: authority.server("other.lan"), "not for the name"),
        "foreign": (
            lambda: Pair(authority.ca, *_own(lab.authority().server("127.0.0.1"))),
            "unknown CA",
        ),
    }
    make, words = bad[fault]
    engine = lab.engine("trixie", tcp=place)
    assert engine.address
    async with watched(tcp("a", engine.address, authority.client())) as fleet:
        await fleet.until_up("a")
        engine.kill()
        have(make(), place)
        engine.start_again()
        await fleet.until(
            lambda: (e := fleet.tracker.hosts["a"].error) and e.kind == "tls", "a TLS error"
        )
        assert words in failure(fleet, "a").message
        assert fleet.status("a") == "down"
        engine.kill()
        have(good, place)
        engine.start_again()
        await fleet.until_up("a")


def _own(pair: Pair) -> tuple[Path, Path]:
    return pair.cert, pair.key


async def test_forwarding_that_becomes_forbidden_is_gone_around(lab: Lab, engine: Engine) -> None:
    sshd = lab.sshd()
    async with watched(ssh("edge", sshd, engine)) as fleet:
        await fleet.until_up("edge")
        assert fleet.tracker.hosts["edge"].via == "streamlocal"
        sshd.kill()
        sshd.options["AllowStreamLocalForwarding"] = "no"
        sshd.start_again()
        await fleet.until(
            lambda: (
                fleet.status("edge") == "up" and fleet.tracker.hosts["edge"].via == "dial-stdio"
            ),
            "up again by dial-stdio",
        )
        count = len(fleet.samples["edge"])
        await fleet.until(lambda: len(fleet.samples["edge"]) > count + 1, "samples")
