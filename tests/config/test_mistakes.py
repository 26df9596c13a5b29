from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.load import load
from config.problems import ConfigError
from tests.config.conftest import Mistakes, Write

LOCAL = '[hosts.a]\nconnection = "local"\n'
SSH = '[hosts.a]\nconnection = "ssh"\naddress = "a"\n'
TCP = '[hosts.a]\nconnection = "tcp"\naddress = "10.0.0.9"\n'

# text, then of each mistake: line, key, and words that its message must have
CASES: list[tuple[str, list[tuple[int | None, str, str]]]] = [
    ("[flet]\n", [(1, "flet", 'did you mean "fleet"?')]),
    ("[xyz]\n", [(1, "xyz", "known here: [fleet], [access], [storage]")]),
    ("fleet = 5\n", [(1, "fleet", "found 5; it should be a table")]),
    ("hosts = 5\n", [(1, "hosts", "found 5; each host is a table")]),
    ("[[hosts]]\n", [(1, "hosts", "found a list; each host is a table")]),
    ("[hosts]\na = 'x'\n", [(2, "hosts.a", 'found "x"; it should be a table')]),
    ("defaults = 1\n", [(1, "defaults", "found 1")]),
    ("[defaults]\nssl = {}\n", [(2, "defaults.ssl", 'unknown table; did you mean "ssh"?')]),
    ("[defaults.ssh]\nusrname='x'\n", [(2, "defaults.ssh.usrname", '"username"')]),
    ("[tracing]\nsample_ratio = 2\n", [(2, "tracing.sample_ratio", "a number from 0 to 1")]),
    ("[tracing]\nendpoint = 'a:1'\n", [(2, "tracing.endpoint", "and has no scheme")]),
    ("[tracing]\nendpoint = 'grpc://a'\n", [(2, "tracing.endpoint", 'scheme "grpc"')]),
    ("[tracing]\nendpoint = 'http://u:p@a'\n", [(2, "tracing.endpoint", "has a user or password")]),
    (LOCAL + "sokcet = '/x'\n", [(3, "hosts.a.sokcet", 'did you mean "socket"?')]),
    (LOCAL + "stats-interval = 1\n", [(3, "hosts.a.stats-interval", '"stats_interval"')]),
    (LOCAL + "name = 'b'\n", [(3, "hosts.a.name", "the name of a host is that of its table")]),
    (LOCAL + "port = 22\n", [(3, "hosts.a.port", 'only hosts with connection = "tcp" have it')]),
    (
        SSH + "port = 0\n",
        [(4, "hosts.a.port", "found 0; it should be a whole number from 1 to 65535")],
    ),
    (SSH + "port = 65536\n", [(4, "hosts.a.port", "found 65536")]),
    (SSH + "port = '22'\n", [(4, "hosts.a.port", 'found "22"; it should be a whole number')]),
    (SSH + "port = true\n", [(4, "hosts.a.port", "found true")]),
    (SSH + "port = 2.5\n", [(4, "hosts.a.port", "found 2.5")]),
    (SSH + "agent = 1\n", [(4, "hosts.a.agent", "it should be true or false")]),
    (SSH + "agent = 1979-05-27\n", [(4, "hosts.a.agent", "found a date")]),
    (SSH + "socket = 'x.sock'\n", [(4, "hosts.a.socket", "an absolute path")]),
    (SSH + "socket = []\n", [(4, "hosts.a.socket", "found a list")]),
    (SSH + "username = ''\n", [(4, "hosts.a.username", "not empty")]),
    (SSH + "username = 'a@b'\n", [(4, "hosts.a.username", "the user alone")]),
    (SSH + "jump = 'a:99999'\n", [(4, "hosts.a.jump", "user@host:port")]),
    (SSH + "jump = 'a b'\n", [(4, "hosts.a.jump", "user@host:port")]),
    (
        SSH + "jump = 'u@db..lan:22'\n",
        [(4, "hosts.a.jump", "in u@db..lan:22: it should be a host")],
    ),
    (SSH + f"jump = 'ok,{'b' * 64}'\n", [(4, "hosts.a.jump", "63 between dots")]),
    (SSH + 'jump = "x\\u0000y"\n', [(4, "hosts.a.jump", "a host name or an IP address")]),
    (SSH + "jump = '[::g]'\n", [(4, "hosts.a.jump", "a host name or an IP address")]),
    (SSH + "tls = {}\n", [(4, "hosts.a.tls", 'only hosts with connection = "tcp" have it')]),
    (SSH + "key_file = 5\n", [(4, "hosts.a.key_file", "a path as text in quotes")]),
    (SSH + "key_file = ''\n", [(4, "hosts.a.key_file", "a path as text in quotes")]),
    (SSH + "key_file = '~nobody9/x'\n", [(4, "hosts.a.key_file", "home folder")]),
    (SSH + "key_file = 'nope'\n", [(4, "hosts.a.key_file", "nope does not exist")]),
    (SSH + "key_file = '.'\n", [(4, "hosts.a.key_file", "is not a regular file")]),
    (SSH + "key_file = 'open.key'\n", [(4, "hosts.a.key_file", "has mode 0644")]),
    (SSH + "key_file = 'empty'\n", [(4, "hosts.a.key_file", "is empty")]),
    (SSH + "password_file = 'empty'\n", [(4, "hosts.a.password_file", "is empty")]),
    (SSH + "password_file = 'pipe'\n", [(4, "hosts.a.password_file", "is not a regular file")]),
    (SSH + "known_hosts_file = 'n'\n", [(4, "hosts.a.known_hosts_file", "fleet hosts trust a")]),
    (SSH + "ssh_config_file = 'n'\n", [(4, "hosts.a.ssh_config_file", "does not exist")]),
    (SSH + "password_env = 'NOPE'\n", [(4, "hosts.a.password_env", "variable NOPE is not set")]),
    (SSH + "password_env = 'a b'\n", [(4, "hosts.a.password_env", "name of an environment")]),
    (SSH + "password = 'x'\n", [(4, "hosts.a.password", "password_file or password_env")]),
    (SSH + "key_password = 'x'\n", [(4, "hosts.a.key_password", "key_password_file or")]),
    (
        SSH + "password_env = 'HOME'\npassword_file = 'good.key'\n",
        [
            (4, "hosts.a.password_env", "given beside password_file"),
            (4, "hosts.a.password_env", "variable HOME is not set"),
        ],
    ),
    (SSH + "labels = 5\n", [(4, "hosts.a.labels", "it should be a table of text")]),
    (SSH + "labels = {x = 5}\n", [(4, "hosts.a.labels.x", "found 5; it should be text")]),
    (SSH + "environment_allow = 'A'\n", [(4, "hosts.a.environment_allow", "a list of text")]),
    (
        SSH + "environment_allow = ['A',\n 5,\n '']\n",
        [
            (5, "hosts.a.environment_allow[1]", "found 5"),
            (6, "hosts.a.environment_allow[2]", "not empty"),
        ],
    ),
    (
        SSH + "stats_interval = -1\n",
        [(4, "hosts.a.stats_interval", "found -1; it should be a time")],
    ),
    (SSH + "stats_interval = 0\n", [(4, "hosts.a.stats_interval", "found 0")]),
    (SSH + "stats_interval = nan\n", [(4, "hosts.a.stats_interval", "found NaN")]),
    (SSH + "stats_interval = inf\n", [(4, "hosts.a.stats_interval", "found Infinity")]),
    (SSH + "stats_interval = '10 sec'\n", [(4, "hosts.a.stats_interval", '"500ms"')]),
    (SSH + "monitoring = 5\n", [(4, "hosts.a.monitoring", "it should be a table")]),
    (
        SSH + "stats_interval = 5\n[hosts.a.monitoring]\nstats_interval = 6\n",
        [(4, "hosts.a.stats_interval", "hosts.a.monitoring.stats_interval (line 6)")],
    ),
    (SSH + "retry = {minimum = 20}\n", [(4, "hosts.a.retry.minimum", "not be above maximum")]),
    (
        '[access]\nanonymous = "admin"\n' + SSH,
        [(2, "access.anonymous", 'one of "none", "viewer"')],
    ),
    (
        '[fleet]\ntls_key_file = "good.key"\n' + SSH,
        [(2, "fleet.tls_key_file", "add tls_cert_file")],
    ),
    (
        '[fleet]\ntls_cert_file = "good.key"\n' + SSH,
        [(2, "fleet.tls_cert_file", "holds no certificate")],
    ),
    (
        '[fleet]\ntrusted_proxies = ["10.0.0.0/8", "::1", "unix", "proxy.lan"]\n' + SSH,
        [(2, "fleet.trusted_proxies[3]", 'like "10.0.0.5" or "10.0.0.0/8"')],
    ),
    (SSH + "retry = {retries = -1}\n", [(4, "hosts.a.retry.retries", "from 0 to 100")]),
    (SSH + "retry = {backoff = 0.5}\n", [(4, "hosts.a.retry.backoff", "a number from 1 to 100")]),
    (
        "[hosts.a]\naddress='a'\n",
        [(1, "hosts.a.connection", 'missing; add connection: one of "local"')],
    ),
    (
        "[hosts.a]\nconection = 'ssh'\nprot = 1\n",
        [
            (1, "hosts.a.address", "missing; add address"),
            (2, "hosts.a.conection", 'did you mean "connection"?'),
            (3, "hosts.a.prot", 'did you mean "port"?'),
        ],
    ),
    ("[hosts.a]\nconnection = 'sssh'\naddress = 'a'\n", [(2, "hosts.a.connection", 'mean "ssh"?')]),
    ("[hosts.a]\nconnection = 5\n", [(2, "hosts.a.connection", 'one of "local", "tcp", "ssh"')]),
    ("[hosts.a]\nconnection = []\n", [(2, "hosts.a.connection", "found a list")]),
    ("[hosts.x.lan]\nconnection = 'local'\n", [(1, "hosts.x.lan", '[hosts."x.lan"]')]),
    ("[hosts.'a b']\nconnection='local'\n", [(1, 'hosts."a b"', "not a usable name")]),
    ("[hosts.-a]\nconnection='local'\n", [(1, "hosts.-a", "not a usable name")]),
    ("[hosts.'']\nconnection='local'\n", [(1, 'hosts.""', "not a usable name")]),
    (LOCAL + "socket = 'unix:///x'\n", [(3, "hosts.a.socket", "without a scheme")]),
    (LOCAL + f"socket = '/{'x' * 200}'\n", [(3, "hosts.a.socket", "a path of 201 bytes")]),
    (TCP, [(1, "hosts.a", "plain TCP to 10.0.0.9")]),
    (TCP + "insecure = true\ntls = {}\n", [(4, "hosts.a.insecure", "given beside tls")]),
    (TCP + "tls = 5\n", [(4, "hosts.a.tls", "it should be a table")]),
    (TCP + "tls = {ca = 'x'}\n", [(4, "hosts.a.tls.ca", 'did you mean "ca_file"?')]),
    (TCP + "tls = {ca_file = 'n'}\n", [(4, "hosts.a.tls.ca_file", "does not exist")]),
    (TCP + "tls = {server_name = 'db..lan'}\n", [(4, "hosts.a.tls.server_name", "empty part")]),
    (
        TCP + "tls = {key_file = 'good.key'}\n",
        [(4, "hosts.a.tls.key_file", "without a certificate")],
    ),
    ("[fleet]\nlisten = '8080'\n", [(2, "fleet.listen", '"127.0.0.1:8080"')]),
    ("[fleet]\nlisten = '::1:80'\n", [(2, "fleet.listen", '"[::1]:8080"')]),
    ("[fleet]\nlisten = 'a:99999'\n", [(2, "fleet.listen", 'found "a:99999"')]),
    ("[fleet]\nlog_level = 'warn'\n", [(2, "fleet.log_level", 'did you mean "warning"?')]),
    ("[fleet]\nconnections = 0\n", [(2, "fleet.connections", "from 1 to 1000000")]),
    ("[storage]\nbatch_size = 0\n", [(2, "storage.batch_size", "found 0")]),
    ("[storage]\nqueue_rows = 5\n", [(2, "storage.queue_rows", "at least batch_size")]),
    ("[storage]\nurl = 5\n", [(2, "storage.url", "found a number")]),
    ("[storage]\nurl = 'mysql://db'\n", [(2, "storage.url", "postgresql://user@host")]),
    ("[storage]\nurl = 'host=db password=x'\n", [(2, "storage.url", "not a database URL")]),
    ("[storage]\nurl = 'postgresql://u:p@db/f'\n", [(2, "storage.url", "a password in the URL")]),
    ("[storage]\nurl = 'postgresql://u:p#/@db/f'\n", [(2, "storage.url", "a password in the URL")]),
    ("[storage]\nurl = 'postgresql:///f?password=p'\n", [(2, "storage.url", "a password in the")]),
    ("[cache]\nurl = 'redis://u:p@c/0'\n", [(2, "cache.url", "a password in the URL")]),
    ("[cache]\nurl = 'redis://u:1/p@c'\n", [(2, "cache.url", "found text with a user or")]),
    ("[cache]\nurl = 'redis://c/x'\n", [(2, "cache.url", 'found "redis://c/x"')]),
    (
        "[tracing]\nendpoint = 'http://u:p@c:4318'\n",
        [(2, "tracing.endpoint", "found text with a user or password")],
    ),
    ("[storage]\npassword = 'p'\n", [(2, "storage.password", "password_file or password_env")]),
    ("[storage]\npassword_file = 'good.key'\n", [(2, "storage.password_file", "without a url")]),
]


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    for name, mode, text in [
        ("open.key", 0o644, "x"),
        ("good.key", 0o600, "x"),
        ("empty", 0o600, ""),
    ]:
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    os.mkfifo(tmp_path / "pipe")


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_mistake_is_placed_and_explained(
    mistakes: Mistakes, text: str, expected: list[tuple[int | None, str, str]]
) -> None:
    found = mistakes(text)
    assert [(problem.line, problem.key) for problem in found] == [case[:2] for case in expected]
    for problem, (_, _, words) in zip(found, expected, strict=True):
        assert words in str(problem)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://a", "without a scheme"),
        ("u@a", "the user goes into username"),
        ("10.0.0.5:22", "the port goes into port"),
        ("[::1]", "without brackets"),
        ("a b", "a host name or an IP address"),
        ("-a", "a host name or an IP address"),
        ("10.0..5", "without an empty part between dots"),
        (".lan", "without an empty part between dots"),
        ("db.lan..", "without an empty part between dots"),
        (f"{'a' * 64}.lan", "63 between dots"),
        ("a." * 128, "at most 253 characters"),
        ("a.-b", "a host name or an IP address"),
        ("db.lan\\u0000", "a host name or an IP address"),
    ],
)
def test_addresses_that_are_none(mistakes: Mistakes, address: str, words: str) -> None:
    (problem,) = mistakes(f'[hosts.a]\nconnection = "ssh"\naddress = "{address}"\n')
    assert (problem.line, problem.key) == (3, "hosts.a.address")
    assert words in problem.right


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("connection = 'local'\nsocket = 'x.sock'", "connection = 'local'\nsocket = 'link/x.sock'"),
        ("connection = 'tcp'\naddress = '::1'", "connection = 'tcp'\naddress = '0:0::1'"),
        ("connection = 'tcp'\naddress = 'localhost'", "connection = 'tcp'\naddress = 'LOCALHOST'"),
        ("connection = 'ssh'\naddress = 'a'", "connection = 'ssh'\naddress = 'a'\nport = 22"),
    ],
)
def test_two_names_for_one_engine(mistakes: Mistakes, tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "link").symlink_to(".")
    (problem,) = mistakes(f"[hosts.a]\n{one}\n\n[hosts.b]\n{other}\n")
    assert problem.key.startswith("hosts.b.")
    assert problem.found == "the same Engine as hosts.a (line 1)"


@pytest.mark.parametrize("extra", ["port = 23", "username = 'x'", "jump = 'j'", "socket = '/x'"])
def test_one_address_can_be_two_engines(write: Write, extra: str) -> None:
    two = f"{SSH}[hosts.b]\nconnection = 'ssh'\naddress = 'a'\n{extra}\n"
    assert len(load(write(two), {}).hosts) == 2


def test_every_mistake_is_reported_in_one_go(mistakes: Mistakes) -> None:
    found = mistakes("""\
[fleet]
listen = 5
dta_dir = "x"
[storage]
batch_size = 0
[hosts.a]
connection = "ssh"
prot = 22
key_file = "nope"
stats_interval = -1
[hosts.b]
connection = "tpc"
address = "10.0.0.9"
port = "x"
[hosts.c]
connection = "local"
[hosts.d]
connection = "local"
""")
    assert [(problem.line, problem.key) for problem in found] == [
        (2, "fleet.listen"),
        (3, "fleet.dta_dir"),
        (5, "storage.batch_size"),
        (6, "hosts.a.address"),
        (8, "hosts.a.prot"),
        (9, "hosts.a.key_file"),
        (10, "hosts.a.stats_interval"),
        (11, "hosts.b"),
        (12, "hosts.b.connection"),
        (14, "hosts.b.port"),
        (17, "hosts.d.socket"),
    ]


def test_a_mistake_in_the_defaults_is_reported_once_and_there(mistakes: Mistakes) -> None:
    hosts = "".join(f"[hosts.h{i}]\nconnection='ssh'\naddress='h{i}'\n" for i in range(5))
    (problem,) = mistakes(f"{hosts}[defaults.ssh]\nkey_file = 'nope'\n")
    assert (problem.line, problem.key) == (17, "defaults.ssh.key_file")


@pytest.mark.parametrize(
    "text",
    [
        "[storage]\nurl = 'postgresql://u:hunter2@db/f'\n",
        "[storage]\nurl = 'hunter2'\n",
        "[storage]\nurl = ['hunter2']\n",
        SSH + "password = 'hunter2'\n",
        SSH + "passwrd = 'hunter2'\n",
        SSH + "password_env = 'hunter2'\n",
        SSH + "password_env = 'hunter2 x'\n",
        SSH + "password = 'hunter2\n",
        SSH + "password = hunter2\n",
    ],
)
def test_a_secret_is_never_repeated(mistakes: Mistakes, text: str) -> None:
    assert "hunter2" not in "\n".join(map(str, mistakes(text)))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[fleet]\nlisten = 10.0.0.5\n", 2, "not valid TOML"),
        ("[fleet]\nlisten = abc\n", 2, "text stands in quotes"),
        ("[fleet\n", 1, "not valid TOML"),
        ("[fleet]\nlisten = 'a\nx = 'b'", 2, "not valid TOML"),
        ("[fleet]\nlisten = 2021-99-99\n", 2, "not valid TOML"),
        ("x = [\n", None, "end of the file"),
        ("x = " + "9" * 5000, None, "not valid TOML"),
        ("x = " + "[" * 5000, None, "nested too deeply"),
    ],
)
def test_what_is_not_toml(mistakes: Mistakes, text: str, line: int | None, words: str) -> None:
    (problem,) = mistakes(text)
    assert problem.line == line
    assert words in str(problem)


def test_a_certificate_file_that_holds_none(mistakes: Mistakes, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not PEM")
    (problem,) = mistakes(TCP + "tls = {ca_file = 'ca.pem'}\n")
    assert problem.line == 4
    assert "holds no certificate in PEM form" in problem.found


def test_keys_and_tables_given_twice(mistakes: Mistakes) -> None:
    found = mistakes("[fleet]\nlisten='a:1'\nlisten='b:1'\n[hosts.a]\n[hosts.a]\n")
    assert [str(problem) for problem in found] == [
        "line 3: fleet.listen: given twice; first on line 2: keep one",
        "line 5: hosts.a: given twice; first on line 4: keep one",
    ]


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        (b"[fleet]\nx = '\xc3\xa4\xff'\n", (2, 7), "the byte 0xff is not UTF-8"),
        ("[fleet]".encode("utf-16"), (1, 1), "not UTF-8"),
        (b"\xef\xbb\xbf[fleet]\n", (None, None), "byte order mark"),
    ],
)
def test_encodings(
    tmp_path: Path, data: bytes, place: tuple[int | None, int | None], words: str
) -> None:
    (tmp_path / "hosts.toml").write_bytes(data)
    with pytest.raises(ConfigError, match=words) as caught:
        load(tmp_path / "hosts.toml", {})
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == place


def test_a_byte_order_mark_hides_no_other_mistake(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_bytes(b"\xef\xbb\xbf[fleet]\r\nlisten = 5\r\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "hosts.toml", {})
    assert [problem.line for problem in caught.value.problems] == [None, 2]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hosts\.toml: cannot be read: No such file"):
        load(tmp_path / "hosts.toml", {})
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user and back")
def test_a_key_that_only_others_may_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("other")
    for parent in (folder, *folder.parents[:3]):  # one more where files are tested side by side
        if parent.owner() == "root" and parent.name.startswith(("popen-", "pytest-", "other")):
            parent.chmod(0o755)
    (folder / "key").write_text("x")
    (folder / "key").chmod(0o600)
    path = folder / "hosts.toml"
    path.write_text(SSH + "key_file = 'key'\n")
    os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match="cannot be read: Permission denied") as caught:
            load(path, {})
    finally:
        os.seteuid(0)
    assert "uid 65534" in str(caught.value)


def test_the_whole_error_reads_well(write: Write) -> None:
    path = write("[fleet]\nlisten = 5\nx = 1\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    first, second, third = str(caught.value).splitlines()
    assert first == f"{path}: 2 mistakes"
    assert second == "  line 2: fleet.listen: found 5; it should be text in quotes"
    assert third.startswith("  line 3: fleet.x: unknown key; known here: listen, data_dir,")
