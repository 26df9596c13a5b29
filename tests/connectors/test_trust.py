"""Host keys as OpenSSH would fetch and record them, and never replaced by accident."""

import subprocess
from pathlib import Path

import pytest
import trio

from connectors.connect import connect
from connectors.trust import (
    HostKey,
    TrustError,
    fetch_host_keys,
    known_keys,
    record,
    ssh_target,
)
from tests.connectors.reach import ssh_host
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.sshd import Sshd

ONE = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIKDE8Xb1WjTbWwEvpWcTMGJ1mSgNGbPTwyWtUOVxUx3v")
OTHER = HostKey("ssh-ed25519", ONE.base64.replace("KDE8", "LEF9"))


@pytest.fixture(scope="module")
def sshd(module_lab: Lab) -> Sshd:
    return module_lab.sshd()


async def test_a_fetched_and_recorded_key_lets_us_in(
    sshd: Sshd, engine_2010: Engine, tmp_path: Path
) -> None:
    host = ssh_host(sshd, engine_2010.socket, known_hosts_file=tmp_path / "ssh" / "known_hosts")
    target = ssh_target(host)
    (key,) = fetch_host_keys(target.address, target.port, 5)
    command = ["ssh-keygen", "-l", "-f", str(sshd.known_hosts)]
    listed = await trio.run_process(command, capture_stdout=True)
    assert key.fingerprint.encode() in listed.stdout
    assert record(target.file, target.name, target.port, key) == "added"
    async with connect(host):
        pass


def test_every_kind_of_key_is_fetched(lab: Lab, tmp_path: Path) -> None:
    sshd = lab.sshd()
    for kind in ("rsa", "ecdsa"):
        path = tmp_path / kind
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
    sshd.options["HostKey"] = f"{tmp_path}/rsa\nHostKey {tmp_path}/ecdsa"
    sshd.kill()
    sshd.start_again()
    kinds = [key.kind for key in fetch_host_keys(sshd.address, sshd.port, 5)]
    assert kinds == ["ecdsa-sha2-nistp256", "ssh-rsa"]


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(TrustError, match=r"\[127\.0\.0\.1\]:1 cannot be reached"):
        fetch_host_keys("127.0.0.1", 1, 2)


def test_recording_keeps_the_rest_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"# mine\nother.lan {ONE.kind} {ONE.base64} note")
    assert record(file, "Edge.lan", 22, ONE) == "added"
    assert record(file, "edge.lan", 22, ONE) == "known"
    assert record(file, "edge.lan", 2222, OTHER) == "added"
    assert file.read_text().splitlines() == [
        "# mine",
        f"other.lan {ONE.kind} {ONE.base64} note",
        f"edge.lan {ONE.kind} {ONE.base64}",
        f"[edge.lan]:2222 {OTHER.kind} {OTHER.base64}",
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["known_hosts"]


def test_a_different_key_is_replaced_only_by_force(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"edge.lan,10.0.0.5 {ONE.kind} {ONE.base64}\n")
    before = file.read_text()
    with pytest.raises(TrustError, match="--force"):
        record(file, "edge.lan", 22, OTHER)
    assert file.read_text() == before
    assert record(file, "edge.lan", 22, OTHER, force=True) == "replaced"
    assert known_keys(file, "edge.lan", 22) == [OTHER]
    assert known_keys(file, "10.0.0.5", 22) == [ONE]


def test_hashed_entries_count(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    record(file, "edge.lan", 2222, ONE)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert "edge" not in file.read_text()
    assert known_keys(file, "edge.lan", 2222) == [ONE]
    assert record(file, "edge.lan", 2222, ONE) == "known"
    with pytest.raises(TrustError):
        record(file, "edge.lan", 2222, OTHER)


def test_the_ssh_configuration_says_where_a_host_is(sshd: Sshd, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Host box\n HostName box.lan\n Port 2200\n HostKeyAlias twin\n ProxyJump gate\n"
    )
    host = ssh_host(
        sshd, "/s", address="box", port=None, ssh_config_file=config, known_hosts_file=None
    )
    target = ssh_target(host, {"HOME": str(tmp_path)})
    assert (target.address, target.port, target.name) == ("box.lan", 2200, "twin")
    assert (target.jump, target.file) == ("gate", tmp_path / ".ssh" / "known_hosts")
