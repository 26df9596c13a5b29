"""Examples of all documents for the schema: real documents, made by the names of their fields."""

from __future__ import annotations

from datetime import UTC, datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from labels.facts import Facts, Place, Published
from labels.model import Cause, Table
from labels.parsing.keys import Rules
from labels.routing.table import RouteTable
from web.documents import Document
from web.problem_documents import CandidateDocument
from web.problems import KINDS, Problem

PREFIX = Rules().prefix
TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)
_ID = "4bd1e0a3f5c7" * 5 + "4bd1"
_REQUEST = "0af7651916cd43dd8448eb211c80319c"
_NAMED: dict[str, Any] = {
    "host": "edge-1",
    "name": "web",
    "id": _ID,
    "container_id": _ID,
    "container": "web",
    "actor_id": _ID,
    "identity": "compose:shop/web/1",
    "image": "registry.example.com/shop:1.4",
    "image_id": "sha256:" + "9f" * 32,
    "tags": ["registry.example.com/shop:1.4"],
    "state": "running",
    "status": "up",
    "version": "28.5.2",
    "api_version": "1.51",
    "target": "ssh://fleet@edge-1.example.com",
    "labels": {"site": "fra"},
    "environment": {"TZ": "UTC", "PASSWORD": "***"},
    "domain": "shop.example.com",
    "path": "/",
    "project": "shop",
    "service": "web",
    "number": 1,
    "action": "start",
    "line": "GET / 200",
    "level": "info",
    "stream": "stdout",
    "cpu_percent": 12.5,
    "memory_used": 268_435_456,
    "memory_limit": 1_073_741_824,
    "memory_percent": 25.0,
    "memory_total": 8_589_934_592,
    "exit_code": 0,
    "limit": 100,
    "offset": 0,
    "total": 1,
    "role": "viewer",
    "revision": 4711,
    "ready": True,
    "protocol": "tcp",
    "ip_address": "172.18.0.2",
    "address": "10.0.0.1",
    "container_port": 8080,
    "host_port": 20080,
    "port": 20080,
    "message": "what happened, in a sentence",
}
_NONE = frozenset(
    {"error", "stale_since", "note", "next", "older", "newer", "error_since", "held_until", "hint"}
    | {"revoked", "missing", "warnings", "finished", "health"}
)
_DETAILS = {
    "bad-parameter": "Query parameter `limit` is 'x'; it must be a whole number from 1 to 1000.",
    "token-required": "Send a token as `Authorization: Bearer TOKEN`.",
    "role-required": "This needs the role admin; you are viewer.",
    "unknown-host": "No host is called 'egde-1' in the configuration. Did you mean edge-1?",
    "unknown-container": "No container on any host has the name or id 'wep'. Did you mean web?",
    "ambiguous-container": "'web' means 2 containers. Ask for HOST/NAME or a longer id.",
    "history-unavailable": "The database does not answer.",
    "too-many-requests": "You ask too often. Try again in 2 s.",
}
_SUGGESTED = {"unknown-host": ("edge-1",), "unknown-container": ("web",)}


def example_of(document: type[Document]) -> Any:
    """A document of this type as it is answered, in plain values."""
    return msgspec.to_builtins(msgspec.convert(_struct(document), document))


def example_routes() -> Table:
    """A table of one route, as a container's labels make it."""
    table, cause = RouteTable(), Cause(event="start")
    table.place(Place(name="edge-1", address="10.0.0.1"), cause, TIME)
    facts = Facts(
        host="edge-1",
        id=_ID,
        name="web",
        identity="compose:shop/web/1",
        labels={f"{PREFIX}.domain": "shop.example.com", f"{PREFIX}.backend-port": "8080"},
        state="running",
        health="healthy",
        started=TIME,
        ports=(Published(container_port=8080, host_port=20080),),
    )
    table.put(facts, cause, TIME)
    table.listed("edge-1", TIME)
    table.settle(TIME)
    return table.table


def example_problem(kind: str, instance: str) -> Any:
    """A problem of this kind as it is answered, in plain values."""
    candidates = [CandidateDocument(host=host, id=_ID, name="web") for host in ("edge-1", "edge-2")]
    problem = Problem(
        kind,
        _DETAILS.get(kind, f"{KINDS[kind][1]}: why, in a sentence, and the next step."),
        parameter="limit" if kind == "bad-parameter" else None,
        suggestions=_SUGGESTED.get(kind, ()),
        candidates=candidates if kind == "ambiguous-container" else (),
    )
    told = msgspec.structs.replace(problem.document(instance), request_id=_REQUEST)
    return msgspec.to_builtins(told)


def _struct(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        field.encode_name: _value(field.name, field.type) for field in msgspec.structs.fields(kind)
    }


def _value(name: str, kind: Any) -> Any:
    if name in _NAMED and _fits(_NAMED[name], kind):
        return _NAMED[name]
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        kinds = [one for one in inner if one is not type(None)]
        optional = len(kinds) < len(inner)
        return None if optional and name in _NONE else _value(name, kinds[0])
    if origin is Literal:
        return inner[0]
    if origin is tuple or origin is list:
        return [] if name in _NONE else [_value(name, inner[0])]
    if origin is dict:
        return {"storage_stats" if inner[1] is int else "site": _value("", inner[1])}
    return _plain(name, kind)


def _plain(name: str, kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(kind)
    values = {str: "" if name in _NONE else name, int: 1, float: 1.0, bool: False, datetime: TIME}
    return values.get(kind, name)


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
