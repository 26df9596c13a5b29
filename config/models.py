"""The configuration as frozen values: what `hosts.toml` means once it has been read.

Durations are seconds, sizes are counts unless a name says otherwise. Paths are absolute here: the
loader has already resolved them against the folder of the file that named them. Secrets never
appear as values, only as the file or environment variable that holds them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.urls import Backend, split_backend

ConnectionKind = Literal["local", "tcp", "ssh"]

# What a value may be is written once, here: the loader checks it and words its messages from it.
# `role` says what else a value stands for: how it is written, or what it names.
Seconds = Annotated[float, Meta(ge=0.01, le=604_800, extra={"role": "seconds"})]
Wait = Annotated[float, Meta(ge=0, le=604_800, extra={"role": "seconds"})]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Text = Annotated[str, Meta(min_length=1)]
Variable = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$", extra={"role": "variable"})]
PublicFile = Annotated[Path, Meta(extra={"role": "file"})]
CertificateFile = Annotated[Path, Meta(extra={"role": "certificate"})]
KnownHostsFile = Annotated[Path, Meta(extra={"role": "known hosts"})]
SshKeyFile = Annotated[Path, Meta(extra={"role": "ssh key"})]
AdminUrl = Annotated[str, Meta(extra={"role": "admin url"})]
SecretFile = Annotated[Path, Meta(extra={"role": "secret"})]


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every configuration value: immutable, compared by value, no surplus keys."""


class Monitoring(Frozen, frozen=True, kw_only=True):
    """How a host is watched. `[defaults.monitoring]` sets it for all, a host may override it."""

    stats_interval: Seconds = 10.0
    discovery_interval: Seconds = 60.0
    ping_interval: Seconds = 10.0
    connect_timeout: Seconds = 30.0
    request_timeout: Seconds = 15.0
    connections_per_host: Count = 32
    # whose logs are kept: of containers labelled fleet.logs=true, or of all not labelled =false
    logs: Literal["labelled", "all", "none"] = "labelled"
    log_lines_per_second: Count = 500  # of one container, in the long run; the rest is counted
    log_line_bytes: Annotated[int, Meta(ge=64, le=1_048_576)] = 16_384  # where a line is cut
    environment_allow: tuple[Text, ...] = ()  # names whose values may be shown, `*` as wildcard


class Retry(Frozen, frozen=True, kw_only=True):
    """Reconnect and retry policy: exponential with full jitter between `minimum` and `maximum`."""

    # of an inspect that failed, before the container waits for the next list
    retries: Annotated[int, Meta(ge=0, le=100)] = 3
    minimum: Seconds = 0.5
    maximum: Seconds = 10.0
    backoff: Annotated[float, Meta(ge=1, le=100)] = 2.0
    stable_after: Seconds = 60.0  # a connection this old resets the backoff


class TlsFiles(Frozen, frozen=True, kw_only=True):
    """TLS material of a TCP host. Without `ca_file` the system's authorities are trusted."""

    ca_file: CertificateFile | None = None
    cert_file: CertificateFile | None = None
    key_file: SecretFile | None = None
    key_password_file: SecretFile | None = None
    key_password_env: Variable | None = None
    server_name: Text | None = None


class HostBase(Frozen, frozen=True, kw_only=True):
    """What every host has, however it is reached."""

    name: str
    enabled: bool = True
    labels: dict[str, str] = {}
    route_address: Text | None = None  # where proxies reach ports that its containers publish
    container_ip: bool = False  # proxies reach its containers by their own addresses
    monitoring: Monitoring = Monitoring()
    retry: Retry = Retry()


class LocalHost(HostBase, tag="local", tag_field="connection", frozen=True, kw_only=True):
    """An Engine on this machine's Unix socket."""

    socket: Path = Path("/var/run/docker.sock")

    @property
    def target(self) -> str:
        """Where it is, for people: `unix:///var/run/docker.sock`."""
        return f"unix://{self.socket}"

    @property
    def routed_by(self) -> str:
        """Where proxies reach it: a name or an IP, without brackets."""
        return self.route_address or "127.0.0.1"


class TcpHost(HostBase, tag="tcp", tag_field="connection", frozen=True, kw_only=True):
    """An Engine on TCP: mutual TLS, or plain when `insecure` says that this is meant."""

    address: Text
    port: Port = 2376
    tls: TlsFiles | None = None
    insecure: bool = False

    @property
    def target(self) -> str:
        """Where it is, for people: `tcp://10.0.0.9:2376`."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"tcp://{host}:{self.port}"

    @property
    def routed_by(self) -> str:
        """Where proxies reach it: a name or an IP, without brackets."""
        return self.route_address or self.address


class SshHost(HostBase, tag="ssh", tag_field="connection", frozen=True, kw_only=True):
    """An Engine behind SSH. What is None is left to `~/.ssh/config` and OpenSSH's defaults."""

    address: Text
    port: Port | None = None
    username: Text | None = None
    key_file: SshKeyFile | None = None
    key_password_file: SecretFile | None = None
    key_password_env: Variable | None = None
    password_file: SecretFile | None = None
    password_env: Variable | None = None
    known_hosts_file: KnownHostsFile | None = None
    ssh_config_file: PublicFile | None = None
    agent: bool = True
    jump: Text | None = None  # ProxyJump: user@host:port[,next]
    socket: Annotated[str, Meta(pattern="^/")] = "/var/run/docker.sock"  # on the remote side
    keepalive_interval: Seconds = 15.0
    keepalive_count: Annotated[int, Meta(ge=1, le=100)] = 3

    @property
    def target(self) -> str:
        """Where it is, for people: `ssh://fleet@10.0.0.5:22`."""
        user = f"{self.username}@" if self.username else ""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"ssh://{user}{host}" + (f":{self.port}" if self.port else "")

    @property
    def routed_by(self) -> str:
        """Where proxies reach it: a name or an IP, without brackets."""
        return self.route_address or self.address


Host = LocalHost | TcpHost | SshHost


class Fleet(Frozen, frozen=True, kw_only=True):
    """`[fleet]`: the program itself."""

    listen: str = "127.0.0.1:8080"
    data_dir: Path
    connections: Count = 1000  # of all hosts together
    concurrent_dials: Count = 50
    concurrent_operations: Count = 50  # containers being inspected at a time, on all hosts
    event_buffer: Count = 1000  # recent events kept in memory, of all hosts together
    token_file: SecretFile | None = None  # what readers of the API must present
    token_env: Variable | None = None
    tls_cert_file: CertificateFile | None = None  # None: the API is served in the clear
    tls_key_file: SecretFile | None = None  # None: in tls_cert_file
    tls_key_password_file: SecretFile | None = None
    tls_key_password_env: Variable | None = None
    trusted_proxies: tuple[Text, ...] = ()  # addresses, networks: whose X-Forwarded-For is believed
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"  # text on a terminal and for journald
    access_log: bool = False  # a line for each request, else only at the level debug


AccessRole = Literal["viewer", "operator", "admin"]
Lasting = Annotated[float, Meta(ge=300, le=31_536_000, extra={"role": "seconds"})]


class Oidc(Frozen, frozen=True, kw_only=True):
    """`[access.oidc]`: a provider of OpenID Connect, where people may log in instead."""

    issuer: Text
    client_id: Text
    client_secret_file: SecretFile | None = None
    client_secret_env: Variable | None = None
    ca_file: CertificateFile | None = None  # the provider's authority, if not one of the system's
    label: Text = "Log in with your company"  # of the button
    scopes: tuple[Text, ...] = ("openid", "profile", "email")
    name_claim: Text = "preferred_username"
    role_claim: Text = "groups"
    roles: dict[str, AccessRole] = {}  # by group; the highest counts, at each login anew
    default_role: AccessRole | None = None  # of who is in none of the groups; None: not let in


class Access(Frozen, frozen=True, kw_only=True):
    """`[access]`: who may ask."""

    # what may be done without a token; None: viewer on loopback if no token is set, none elsewhere
    anonymous: Literal["viewer", "none"] | None = None
    # of one client (an IPv4 address, or a /64 of IPv6); this machine's own are not limited
    requests_per_second: Annotated[int, Meta(ge=0, le=1_000_000)] = 50  # 0: any number
    requests_burst: Count = 200  # at once, after some quiet
    connections_per_client: Count = 128
    # within five minutes, before a client has to wait; 0: it never has to
    wrong_credentials: Annotated[int, Meta(ge=0, le=1_000_000)] = 10
    session_idle: Lasting = 43_200.0  # a session of a browser that is not used this long ends
    session_lifetime: Lasting = 2_592_000.0  # and any after this time
    public_url: Text | None = None  # where browsers reach fleet, if that is another place
    oidc: Oidc | None = None


Days = Annotated[int, Meta(ge=1, le=36_500, extra={"role": "days"})]


class Retention(Frozen, frozen=True, kw_only=True):
    """`[storage.retention]`: days until history is deleted, by what it is."""

    samples: Days = 7  # of containers and of hosts
    logs: Days = 3
    events: Days = 30
    health: Days = 30
    image_versions: Days = 30
    audit: Days = 365  # who used tokens and accounts
    minutes: Days = 30  # what samples were rolled up into
    hours: Days = 90
    days: Days = 730


class Storage(Frozen, frozen=True, kw_only=True):
    """`[storage]`: where history goes. Without a URL an embedded PostgreSQL under `data_dir`."""

    url: str | None = None  # without a password
    password_file: SecretFile | None = None
    password_env: Variable | None = None
    batch_size: Count = 500
    batch_age: Seconds = 1.0
    queue_rows: Annotated[int, Meta(ge=1, le=100_000_000)] = (
        200_000  # rows held in memory while neither the database nor the disk takes them
    )
    spool_megabytes: Annotated[int, Meta(ge=16, le=1_000_000)] = (
        1024  # of rows on disk while the database is away; the oldest go first
    )
    readers: Annotated[int, Meta(ge=1, le=100)] = 4
    statement_timeout: Seconds = 10.0
    query_days: Days = 30  # the longest range that one query may read row by row
    publish: bool = False  # what is live, for `fleet serve`; `fleet supervise` does so anyway
    retention: Retention = Retention()


class Tracing(Frozen, frozen=True, kw_only=True):
    """`[tracing]`: where OpenTelemetry traces of the program go; nowhere without an endpoint."""

    endpoint: Text | None = None  # a collector's, OTLP over HTTP
    sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0  # of traces that no client began


class Cache(Frozen, frozen=True, kw_only=True):
    """`[cache]`: answers that the workers of `fleet serve` share. 0 seconds: not kept."""

    url: Text | None = None  # redis://, rediss:// or unix://, without a password; None: none
    password_file: SecretFile | None = None
    password_env: Variable | None = None
    prefix: Text = "fleet"  # of all keys
    timeout: Seconds = 0.2  # for the cache to answer, before it is done without
    containers: Wait = 10.0  # for how long lists of containers are given again
    stats: Wait = 2.0
    images: Wait = 300.0
    history: Wait = 30.0
    stale: Wait = 900.0  # how old an answer may be while the database is away
    memory_megabytes: Annotated[int, Meta(ge=1, le=10_000)] = 32  # for these, in each worker


class Revp(Frozen, frozen=True, kw_only=True):
    """`[revp]`: how labels become routes, and how long routes outlive their containers."""

    prefix: Text = "snadboy.revp"  # of the labels
    https: bool = True  # where neither a label nor a static route says it
    redirect_https: bool = True
    drain: Wait = 10.0  # a backend that ended is shown as draining
    recreate_grace: Wait = 60.0  # a route stays, answering 503, for its container to come back
    mass_removal: Annotated[float, Meta(ge=0, le=1)] = 0.5  # share of all routes; 0: no check
    mass_removal_hold: Wait = 600.0
    host_wait: Wait = 120.0  # for a host that was never heard of, before proxies are told anything
    proxies: tuple[
        AdminUrl, ...
    ] = ()  # URLs of admin interfaces that may be asked, besides loopback


Policy = Literal["round_robin", "least_conn", "ip_hash", "random", "first"]


class Route(Frozen, frozen=True, kw_only=True):
    """One of `[[routes]]`: a route that no container asks for.

    What the file leaves out of `https` and `redirect_https` is filled in from `[revp]`. Routes of
    equal terms on one domain and path are one pool.
    """

    domain: Text  # as it is written: upper case, and letters beyond ASCII, may occur
    backend_url: Text
    path: Annotated[str, Meta(pattern="^/")] = "/"  # without `/` at its end
    strip_prefix: bool | Annotated[str, Meta(pattern="^/")] = False  # true: `path`
    https: bool = True
    redirect_https: bool = True  # False without `https`
    websocket: bool = False
    insecure_skip_verify: bool = False
    weight: Annotated[int, Meta(ge=0, le=256)] = 1
    policy: Policy = "round_robin"
    pass_host_header: bool = True

    @property
    def backend(self) -> Backend:
        """What `backend_url` says: scheme, address without brackets, port."""
        return split_backend(self.backend_url)

    @property
    def stripped(self) -> str | None:
        """The path that is taken off a request before it is passed on; None: nothing is."""
        prefix = self.path if self.strip_prefix is True else self.strip_prefix
        return prefix if prefix and prefix != "/" else None


class Config(Frozen, frozen=True, kw_only=True):
    """A whole, valid configuration. `source` is None when no file was found.

    `monitoring` and `retry` are what hosts start from, which have it already. `origins` has each
    key that the file says, as `hosts.a.port`, and where it stands there, as `defaults.ssh.port`.
    """

    fleet: Fleet
    storage: Storage
    hosts: dict[str, Host]
    access: Access = Access()
    tracing: Tracing = Tracing()
    cache: Cache = Cache()
    revp: Revp = Revp()
    routes: tuple[Route, ...] = ()
    monitoring: Monitoring = Monitoring()
    retry: Retry = Retry()
    source: Path | None = None
    warnings: tuple[str, ...] = ()
    origins: dict[str, str] = {}
