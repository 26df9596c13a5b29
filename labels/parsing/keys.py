"""The one table of supported labels: the parser works from it, the API serves it.

A label is `PREFIX.NAME` for the whole container, or `PREFIX.PORT.NAME` for one port of it. Case
does not matter in keys, and `_` is `-`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from labels.model import Value

Kind = Literal[
    "domains",
    "port",
    "scheme",
    "path",
    "strip",
    "boolean",
    "resolver",
    "policy",
    "weight",
    "check",
    "duration",
    "status",
    "middlewares",
    "headers",
    "header",
    "host",
    "text",
    "extra",
]
Grammar = Literal[
    "specification", "docker-revp 1", "docker-revp 2", "sb-traefik-http-provider", "docker_monitor"
]
IfBad = Literal["default", "drop", "leave out"]


class Rules(Value, frozen=True, kw_only=True):
    """What the operator settles: the labels' prefix, and what holds where no label says it."""

    prefix: str = "snadboy.revp"
    https: bool = True
    redirect_https: bool = True


class LabelKey(Value, frozen=True, kw_only=True):
    """One supported label.

    Attributes:
        name: As we write it, behind the prefix. `headers.NAME` stands for any name of a header.
        aliases: Other spellings with the same meaning.
        kind: How its value is read.
        default: What holds without it, as a value of it; empty: nothing.
        values: What it may be, in words.
        meaning: What it does.
        field: What it sets: a field of `Wish`, or `settings.` and one of `Settings`.
        flat: It may stand without a port.
        per_port: It may stand behind one.
        if_bad: What becomes of a value that cannot be used: the default holds, the routes are
            dropped as they would reach the wrong place or unguarded, or the part is left out.
        grammars: How it is spelled in each grammar that has it.
    """

    name: str
    aliases: tuple[str, ...] = ()
    kind: Kind
    default: str = ""
    values: str
    meaning: str
    field: str
    flat: bool = True
    per_port: bool = True
    if_bad: IfBad = "default"
    grammars: dict[Grammar, str] = msgspec.field(default_factory=dict)


_BOOLEAN = "true or false (also yes, no, on, off, 1, 0)"
_PATH = (
    "a path of letters, digits and . _ ~ @ : + = , - between slashes, without . and .. as parts, "
    "up to 255 characters"
)
_TEXT = "any text; control characters are replaced"

_EXTRAS: tuple[tuple[str, Grammar], ...] = (
    ("cloudflare-tunnel", "docker-revp 2"),
    ("health", "sb-traefik-http-provider"),
    ("info", "sb-traefik-http-provider"),
    ("notify", "sb-traefik-http-provider"),
    ("notify-priority", "sb-traefik-http-provider"),
)

KEYS: tuple[LabelKey, ...] = (
    LabelKey(
        name="domain",
        kind="domains",
        values="names of domains with commas between them, each with :redirect or :noredirect "
        "behind it if need be; the first part may be *",
        meaning="The domains that reach the container.",
        field="domain",
        if_bad="leave out",
        grammars={
            "specification": "domain",
            "docker-revp 1": "domain",
            "docker-revp 2": "domain",
            "sb-traefik-http-provider": "domain",
            "docker_monitor": "domain",
        },
    ),
    LabelKey(
        name="backend-port",
        aliases=("container-port", "port"),
        kind="port",
        default="80",
        values="a whole number from 1 to 65535",
        meaning="The container's port. Labels behind a port are about that port instead.",
        field="port",
        per_port=False,
        grammars={
            "specification": "backend-port",
            "docker-revp 1": "backend-port, container-port",
            "docker_monitor": "port",
        },
    ),
    LabelKey(
        name="backend-scheme",
        aliases=("backend-proto", "scheme"),
        kind="scheme",
        default="http",
        values="http or https",
        meaning="What the container speaks.",
        field="settings.scheme",
        grammars={
            "specification": "backend-scheme",
            "docker-revp 1": "backend-proto",
            "docker-revp 2": "backend-proto",
            "sb-traefik-http-provider": "backend-proto",
            "docker_monitor": "scheme",
        },
    ),
    LabelKey(
        name="backend-path",
        aliases=("path",),
        kind="path",
        default="/",
        values=_PATH,
        meaning="Only requests whose path begins with this one reach the container.",
        field="path",
        if_bad="drop",
        grammars={
            "docker-revp 1": "backend-path",
            "docker-revp 2": "backend-path",
            "docker_monitor": "path",
        },
    ),
    LabelKey(
        name="strip-prefix",
        kind="strip",
        default="false",
        values=f"true (it is `backend-path`), false, or {_PATH}",
        meaning="This beginning of the path is taken off before a request is passed on.",
        field="settings.strip_prefix",
        if_bad="drop",
    ),
    LabelKey(
        name="https",
        aliases=("ssl",),
        kind="boolean",
        default="true",
        values=_BOOLEAN,
        meaning="The domain is served on TLS.",
        field="settings.https",
        grammars={"sb-traefik-http-provider": "https"},
    ),
    LabelKey(
        name="redirect-https",
        aliases=("force-ssl", "ssl-force"),
        kind="boolean",
        default="true",
        values=_BOOLEAN,
        meaning="Plain requests are sent to TLS. Without `https` they never are.",
        field="settings.redirect_https",
        grammars={
            "docker-revp 1": "force-ssl",
            "docker-revp 2": "force-ssl",
            "sb-traefik-http-provider": "redirect-https",
            "docker_monitor": "ssl_force",
        },
    ),
    LabelKey(
        name="https-certresolver",
        aliases=("cert-resolver", "certificate-resolver", "certresolver"),
        kind="resolver",
        values="a name of letters, digits and . _ - that begins with a letter or digit, up to 64",
        meaning="The proxy's own name of what gets certificates. Without it the proxy's default.",
        field="settings.certificate_resolver",
        grammars={"sb-traefik-http-provider": "https-certresolver"},
    ),
    LabelKey(
        name="websocket",
        aliases=("support-websocket",),
        kind="boolean",
        default="false",
        values=_BOOLEAN,
        meaning="Connections may be upgraded and stay open.",
        field="settings.websocket",
        grammars={
            "docker-revp 1": "support-websocket",
            "docker-revp 2": "support-websocket",
            "docker_monitor": "websocket",
        },
    ),
    LabelKey(
        name="insecure-skip-verify",
        aliases=("tls-insecure-skip-verify",),
        kind="boolean",
        default="false",
        values=_BOOLEAN,
        meaning="Any certificate of a container that speaks https is taken.",
        field="settings.insecure_skip_verify",
        grammars={"sb-traefik-http-provider": "insecure-skip-verify"},
    ),
    LabelKey(
        name="pass-host-header",
        kind="boolean",
        default="true",
        values=_BOOLEAN,
        meaning="The container sees the domain that was asked for in `Host`.",
        field="settings.pass_host_header",
        grammars={"sb-traefik-http-provider": "pass-host-header"},
    ),
    LabelKey(
        name="load-balancer",
        kind="policy",
        default="round_robin",
        values="round_robin, least_conn, ip_hash, random or first",
        meaning="How requests are shared out among containers with the same domain and path.",
        field="settings.policy",
    ),
    LabelKey(
        name="weight",
        kind="weight",
        default="1",
        values="a whole number from 0 to 256",
        meaning="The container's share of the requests, beside the others'. 0: none.",
        field="weight",
    ),
    LabelKey(
        name="health-check",
        aliases=("healthcheck",),
        kind="check",
        values=f"true (it is /), false, or {_PATH}",
        meaning="Proxies ask the container for this path, and leave it out while that fails.",
        field="settings.check",
    ),
    LabelKey(
        name="health-check.interval",
        aliases=("healthcheck.interval",),
        kind="duration",
        default="10s",
        values="seconds, or a number with ms, s, m or h, from 100ms to 1h",
        meaning="How often.",
        field="settings.check",
    ),
    LabelKey(
        name="health-check.timeout",
        aliases=("healthcheck.timeout",),
        kind="duration",
        default="3s",
        values="seconds, or a number with ms, s, m or h, from 100ms to 1h",
        meaning="How long an answer may take; no longer than the interval.",
        field="settings.check",
    ),
    LabelKey(
        name="health-check.status",
        aliases=("healthcheck.status",),
        kind="status",
        values="a whole number from 100 to 599",
        meaning="The status that a healthy container answers. Without it any 2xx or 3xx.",
        field="settings.check",
    ),
    LabelKey(
        name="middleware",
        aliases=("middlewares",),
        kind="middlewares",
        values="names with commas between them, each of letters, digits and . _ - with @PROVIDER "
        "behind it if need be, up to 128 characters, 16 names",
        meaning="What the proxy knows by these names is put before the container, in this order.",
        field="settings.middlewares",
        if_bad="drop",
        grammars={"docker_monitor": "middleware"},
    ),
    LabelKey(
        name="headers",
        kind="headers",
        values="NAME: VALUE pairs with | between them, as in `headers.NAME`, 32 in all",
        meaning="Headers that are set on requests before they are passed on.",
        field="settings.headers",
        if_bad="leave out",
        grammars={"docker_monitor": "headers"},
    ),
    LabelKey(
        name="headers.NAME",
        kind="header",
        values="visible ASCII and single spaces, but no quotes, backquotes, backslashes and "
        "$ % { }, up to 512 characters; the name is of letters, digits and -, up to 64, and none "
        "that HTTP itself needs",
        meaning="One such header. It wins over the same one in `headers`.",
        field="settings.headers",
        if_bad="leave out",
    ),
    LabelKey(
        name="backend-host",
        kind="host",
        values="a name or an IP address, without scheme and port",
        meaning="Proxies reach the container there, on the port as it is, wherever it runs.",
        field="backend_host",
        if_bad="drop",
    ),
    LabelKey(
        name="title",
        kind="text",
        values=f"{_TEXT}, up to 200 characters",
        meaning="What it is called, for people.",
        field="title",
        grammars={"docker-revp 1": "title"},
    ),
    LabelKey(
        name="description",
        kind="text",
        values=f"{_TEXT}, up to 1000 characters",
        meaning="What it is, for people.",
        field="description",
        grammars={"docker-revp 1": "description"},
    ),
    LabelKey(
        name="enabled",
        aliases=("enable",),
        kind="boolean",
        default="true",
        values=_BOOLEAN,
        meaning="false: the labels ask for nothing.",
        field="enabled",
    ),
    *(
        LabelKey(
            name=name,
            kind="extra",
            values=f"{_TEXT}, up to 1000 characters",
            meaning="Kept and shown; proxies are not told.",
            field="extras",
            grammars={grammar: name},
        )
        for name, grammar in _EXTRAS
    ),
)

BY_NAME: dict[str, LabelKey] = {key.name: key for key in KEYS}
# Every spelling, aliases too, and the name it means.
SPELLINGS: dict[str, str] = {
    spelling: key.name for key in KEYS for spelling in (key.name, *key.aliases)
}
HEADER = "headers."


def normalized(text: str) -> str:
    """A key, or a part of one, as it is compared."""
    return text.lower().replace("_", "-")
