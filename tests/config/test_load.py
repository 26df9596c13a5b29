from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.load import default_data_dir, load, without_file
from config.models import LocalHost, Monitoring, SshHost, TcpHost
from tests.config.conftest import Good, Write

THREE_HOSTS = """
[fleet]
data_dir = "state"
[storage]
url = "postgresql://fleet@db/fleet"
batch_age = "250ms"
[hosts.local]
connection = "local"
[hosts.edge-1]
connection = "ssh"
address = "10.0.0.5"
labels = { site = "fra" }
[hosts."db.lan"]
connection = "tcp"
address = "10.0.0.9"
tls = {}
"""


def test_three_hosts_of_three_kinds(good: Good, tmp_path: Path) -> None:
    config = good(THREE_HOSTS)
    assert [type(host) for host in config.hosts.values()] == [LocalHost, SshHost, TcpHost]
    assert list(config.hosts) == ["local", "edge-1", "db.lan"]
    assert config.hosts["edge-1"].labels == {"site": "fra"}
    assert config.fleet.data_dir == tmp_path / "state"
    assert config.storage.batch_age == 0.25
    assert config.source == tmp_path / "hosts.toml"
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        ('"500ms"', 0.5),
        ('"10s"', 10.0),
        ('"5m"', 300.0),
        ('"1.5h"', 5400.0),
    ],
)
def test_times(good: Good, written: str, seconds: float) -> None:
    config = good(f'[hosts.a]\nconnection = "local"\nstats_interval = {written}\n')
    assert config.hosts["a"].monitoring.stats_interval == seconds


def test_a_host_overrides_its_kind_which_overrides_all_hosts(good: Good) -> None:
    config = good("""
[defaults.monitoring]
stats_interval = 1
ping_interval = 2
request_timeout = 3
[defaults.retry]
retries = 9
[defaults.ssh]
username = "fleet"
port = 2222
ping_interval = 20
labels = { env = "prod", site = "ber" }
[hosts.a]
connection = "ssh"
address = "a"
port = 22
labels = { site = "fra" }
monitoring = { request_timeout = 30 }
discovery_interval = 7
[hosts.b]
connection = "local"
""")
    host = config.hosts["a"]
    assert isinstance(host, SshHost)
    assert (host.username, host.port, host.retry.retries) == ("fleet", 22, 9)
    assert host.labels == {"env": "prod", "site": "fra"}
    assert host.monitoring == Monitoring(
        stats_interval=1, ping_interval=20, request_timeout=30, discovery_interval=7
    )
    other = Monitoring(stats_interval=1, ping_interval=2, request_timeout=3)
    assert config.hosts["b"].monitoring == other


def test_a_secret_given_in_one_way_replaces_the_default_of_the_other_way(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    path = write("""
[defaults.ssh]
password_file = "secret"
[hosts.a]
connection = "ssh"
address = "a"
password_env = "PW"
""")
    host = load(path, {"PW": "x"}).hosts["a"]
    assert isinstance(host, SshHost)
    assert (host.password_file, host.password_env) == (None, "PW")


def test_nested_tables_merge_key_by_key(good: Good, tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem"):
        (tmp_path / name).write_text("-----BEGIN CERTIFICATE-----")
    host = good("""
[defaults.tcp.tls]
ca_file = "ca.pem"
[hosts.a]
connection = "tcp"
address = "a"
tls = { cert_file = "./sub/../cert.pem" }
""").hosts["a"]
    assert isinstance(host, TcpHost)
    assert host.tls is not None
    assert (host.tls.ca_file, host.tls.cert_file) == (tmp_path / "ca.pem", tmp_path / "cert.pem")


def test_home_is_expanded_and_links_are_kept(
    good: Good, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real").write_text("")
    host = good("""
[fleet]
data_dir = "~/state"
[hosts.a]
connection = "ssh"
address = "a"
known_hosts_file = "link"
""")
    assert host.fleet.data_dir == tmp_path / "home/state"
    ssh = host.hosts["a"]
    assert isinstance(ssh, SshHost)
    assert ssh.known_hosts_file == tmp_path / "link"


def test_who_lets_others_read_without_a_token_is_warned(good: Good) -> None:
    text = '[fleet]\nlisten = "{}:80"\n[access]\nanonymous = "viewer"\n[hosts]\n[hosts.a]\n'
    text += 'connection = "ssh"\naddress = "a"\n'
    assert good(text.format("127.0.0.1")).warnings == ()
    in_the_clear, warning = good(text.format("10.0.0.5")).warnings
    assert "fleet.listen" in in_the_clear
    assert "add tls_cert_file" in in_the_clear
    behind = text.replace("[access]", 'trusted_proxies = ["10.0.0.6"]\n[access]')
    assert good(behind.format("10.0.0.5")).warnings == (warning,)
    assert "access.anonymous" in warning
    assert "anyone who reaches fleet can read" in warning


def test_standing_warnings(good: Good, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("x")
    (tmp_path / "password").chmod(0o644)
    config = good("""
[hosts.a]
connection = "tcp"
address = "10.0.0.9"
insecure = true
[hosts.b]
connection = "tcp"
address = "127.0.0.1"
[hosts.c]
connection = "ssh"
address = "c"
password_file = "password"
""")
    insecure, public = config.warnings
    assert insecure.startswith("hosts.a: 10.0.0.9 is watched over plain TCP")
    assert public.startswith("hosts.c.password_file: everybody on this machine can read")


def test_a_disabled_host_may_miss_its_files_and_repeat_an_address(good: Good) -> None:
    config = good("""
[hosts.a]
connection = "ssh"
address = "a"
[hosts.b]
connection = "ssh"
address = "a"
key_file = "missing"
password_env = "MISSING"
enabled = false
""")
    assert not config.hosts["b"].enabled


def test_files_need_not_be_there_while_they_are_about_to_be_written(write: Write) -> None:
    path = write('[hosts.a]\nconnection = "ssh"\naddress = "a"\nknown_hosts_file = "later"\n')
    assert "a" in load(path, {}, check_files=False).hosts


def test_an_empty_file_is_valid_and_says_that_nothing_is_watched(good: Good) -> None:
    config = good("")
    assert config.hosts == {}
    assert config.fleet.data_dir == default_data_dir()
    assert "nothing is watched" in config.warnings[0]


def test_no_file_at_all() -> None:
    host = LocalHost(name="local")
    config = without_file({"local": host})
    assert config.hosts == {"local": host}
    assert config.source is None


def test_the_data_folder_follows_the_desktop_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    assert default_data_dir() == Path("/srv/data/fleet")


def test_the_time_for_a_thousand_hosts_does_not_explode(write: Write) -> None:
    hosts = [
        f'[hosts.h{i}]\nconnection = "ssh"\naddress = "10.0.{i // 250}.{i % 250}"\n'
        f'labels = {{ site = "s{i % 7}" }}\nstats_interval = "10s"\n'
        for i in range(1000)
    ]
    path = write("".join(hosts))
    begun = time.process_time()
    assert len(load(path, {}).hosts) == 1000
    assert time.process_time() - begun < 4
