"""The doctor names the step at which a host fails, by an SSH implementation of its own."""

import subprocess
from pathlib import Path

import pytest

from config.models import LocalHost, TcpHost, TlsFiles
from connectors.doctor import Step, examine
from tests.connectors.reach import QUICK, ssh_host
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.sshd import Sshd

HANDSHAKE = ["name", "port", "banner", "host key"]
ENTRY = [*HANDSHAKE, "methods", "authentication"]


def names(steps: list[Step]) -> list[str]:
    return [step.name for step in steps]


def only_failure(steps: list[Step]) -> Step:
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False], steps
    return steps[-1]


@pytest.fixture(scope="module")
def sshd(module_lab: Lab) -> Sshd:
    return module_lab.sshd()


def test_a_good_ssh_host_passes_every_step(sshd: Sshd, engine_2010: Engine) -> None:
    steps = list(examine(ssh_host(sshd, engine_2010.socket)))
    assert names(steps) == [*ENTRY, "forwarding", "ping", "API version"]
    assert all(step.ok for step in steps)
    assert "20.10" in steps[-1].detail
    assert "1.41" in steps[-1].detail
    fingerprint = subprocess.run(
        ["ssh-keygen", "-l", "-f", sshd.known_hosts], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert fingerprint in steps[3].detail


def test_an_unknown_and_a_changed_host_key_are_told_apart(
    sshd: Sshd, lab: Lab, engine_2010: Engine, tmp_path: Path
) -> None:
    unknown = ssh_host(sshd, engine_2010.socket, known_hosts_file=tmp_path / "none")
    step = only_failure(list(examine(unknown)))
    assert (step.name, "unknown" in step.detail) == ("host key", True)
    assert "fleet hosts trust edge" in step.hint
    words = lab.sshd().known_hosts.read_text().split()
    (tmp_path / "other").write_text(f"[{sshd.address}]:{sshd.port} {words[1]} {words[2]}\n")
    changed = ssh_host(sshd, engine_2010.socket, known_hosts_file=tmp_path / "other")
    step = only_failure(list(examine(changed)))
    assert (step.name, "not on record" in step.detail) == ("host key", True)
    assert "somebody may be in between" in step.hint


def test_a_refused_and_an_encrypted_key_are_told_apart(
    sshd: Sshd, lab: Lab, engine_2010: Engine, tmp_path: Path
) -> None:
    stranger = ssh_host(sshd, engine_2010.socket, key_file=sshd.make_key(tmp_path / "stranger"))
    steps = list(examine(stranger))
    assert names(steps) == ENTRY
    assert "publickey" in steps[-2].detail
    assert "stranger refused" in only_failure(steps).detail
    locked = lab.sshd(passphrase="open sesame")
    step = only_failure(list(examine(ssh_host(locked, engine_2010.socket))))
    assert "encrypted" in step.detail
    opened = ssh_host(locked, engine_2010.socket, key_password_env="PHRASE")
    assert all(step.ok for step in examine(opened, {"PHRASE": "open sesame"}))


def test_a_forbidden_forwarding_is_named_and_the_other_way_tried(
    lab: Lab, engine_2010: Engine
) -> None:
    sshd = lab.sshd(options={"AllowStreamLocalForwarding": "no"})
    steps = list(examine(ssh_host(sshd, engine_2010.socket)))
    assert names(steps) == [*ENTRY, "forwarding", "ping", "API version"]
    assert [step.ok for step in steps[-3:]] == [False, True, True]
    assert "AllowStreamLocalForwarding" in steps[-3].hint


def test_each_jump_host_is_examined_too(
    lab: Lab, sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    jump = lab.sshd(options={"AuthorizedKeysFile": f"{sshd.client_key}.pub"})
    both = tmp_path / "both"
    both.write_text(sshd.known_hosts.read_text() + jump.known_hosts.read_text())
    through = f"{jump.username}@{jump.address}:{jump.port}"
    host = ssh_host(sshd, engine_2010.socket, jump=through, known_hosts_file=both)
    steps = list(examine(host))
    assert all(step.ok for step in steps)
    assert names(steps)[:6] == [f"jump {jump.address}: {name}" for name in ENTRY]
    assert names(steps)[6:] == [*ENTRY[1:], "forwarding", "ping", "API version"]


def test_a_closed_port_and_an_unknown_name(sshd: Sshd, engine_2010: Engine) -> None:
    step = only_failure(list(examine(ssh_host(sshd, engine_2010.socket, port=1))))
    assert (step.name, "refused" in step.detail) == ("port", True)
    step = only_failure(list(examine(ssh_host(sshd, engine_2010.socket, address="no.invalid"))))
    assert step.name == "name"


def test_what_does_not_greet_as_ssh_fails_at_the_banner(
    sshd: Sshd, engine_2010: Engine, plain: Engine
) -> None:
    assert plain.address is not None
    step = only_failure(list(examine(ssh_host(sshd, engine_2010.socket, port=plain.address[1]))))
    assert step.name == "banner"


@pytest.fixture(scope="module")
def plain(module_lab: Lab) -> Engine:
    return module_lab.engine(tcp="plain")


def test_tcp_step_by_step(lab: Lab, plain: Engine) -> None:
    authority = lab.authority()
    engine = lab.engine(tcp=authority.server("127.0.0.1", "engine.lan"))
    assert engine.address is not None
    own = authority.client()

    def host(port: int | None = None, **files: object) -> TcpHost:
        assert engine.address is not None
        settings = {"ca_file": authority.ca, "cert_file": own.cert, "key_file": own.key} | files
        tls = TlsFiles(**settings)  # type: ignore[arg-type]  # a test's own dictionary
        address, own_port = engine.address
        return TcpHost(name="db", address=address, port=port or own_port, tls=tls, monitoring=QUICK)

    steps = list(examine(host()))
    assert all(step.ok for step in steps)
    assert names(steps) == [
        "name", "port", "certificate", "TLS", "client certificate", "ping", "API version"
    ]  # fmt: skip
    assert "engine.lan" in steps[2].detail
    assert "expires in 29 days" in steps[2].detail
    step = only_failure(list(examine(host(ca_file=lab.authority().ca))))
    assert (step.name, "unknown CA" in step.detail) == ("TLS", True)
    step = only_failure(list(examine(host(server_name="other.lan"))))
    assert (step.name, "not for the name" in step.detail) == ("TLS", True)
    step = only_failure(list(examine(host(cert_file=None, key_file=None))))
    assert (step.name, "refused" in step.detail) == ("client certificate", True)
    assert plain.address is not None
    step = only_failure(list(examine(host(port=plain.address[1]))))
    assert (step.name, "does not speak TLS" in step.detail) == ("TLS", True)


def test_local_step_by_step(engine_2010: Engine, tmp_path: Path) -> None:
    steps = list(examine(LocalHost(name="here", socket=engine_2010.socket)))
    assert names(steps) == ["socket", "permissions", "ping", "API version"]
    assert all(step.ok for step in steps)
    step = only_failure(list(examine(LocalHost(name="here", socket=tmp_path / "none"))))
    assert (step.name, "is Docker running" in step.hint) == ("socket", True)
