"""Routes whose texts HAProxy and nginx could take for something else, or could not resolve."""

from __future__ import annotations

import msgspec

from labels.model import Check, Member, Route, Settings, Table
from tests.labels.render.tables import member, route

BREAKOUTS = [
    ("a b", "domain"),
    ("a;return", "domain"),
    ("a{", "domain"),
    ("A.example", "domain"),
    ("a.example\nserver", "domain"),
    ("~^.*$", "domain"),
    ("*.", "domain"),
    ("[::1]", "domain"),
    ("/a b", "path"),
    ("/a$host", "path"),
    ('/a"', "path"),
    ("/a\n", "path"),
    ("/a/../b", "path"),
    ("/a//b", "path"),
    ("/a/", "path"),
    ("a", "path"),
    ("unix:/run/x.sock", "address"),
    ("10.0.0.1 backup", "address"),
    ("fe80::1%eth0", "address"),
    ("$host", "address"),
    ("a\r\nX-B: c", "header"),
    ('a"; return 200', "header"),
    ("%[env(HOME)]", "header"),
    ("$request_body", "header"),
    ("it's", "header"),
    ("Content-Length", "header name"),
    ("X-A;", "header name"),
    ("/a'b", "strip-prefix"),
    ("/a(", "strip-prefix"),
]


def bad_route(text: str, where: str) -> Route:
    """A route with this text in that place."""
    terms = {
        "header": Settings(headers=(("X-A", text),)),
        "header name": Settings(headers=((text, "1"),)),
        "strip-prefix": Settings(strip_prefix=text),
        "check-path": Settings(check=Check(path=text)),
    }.get(where, Settings())
    return route(
        text if where == "domain" else "bad.example",
        member("h/c", text if where == "address" else "10.0.0.1"),
        path=text if where == "path" else "/",
        settings=terms,
    )


def resolvable(wanted: Table) -> Table:
    """The table with names that are found without asking anybody."""

    def near(each: Member) -> Member:
        if each.endpoint is None or not each.endpoint.address[-1].isalpha():
            return each
        endpoint = msgspec.structs.replace(each.endpoint, address="localhost")
        return msgspec.structs.replace(each, endpoint=endpoint)

    return msgspec.structs.replace(
        wanted,
        routes=tuple(
            msgspec.structs.replace(each, members=tuple(map(near, each.members)))
            for each in wanted.routes
        ),
    )
