"""Examining a local socket step by step."""

from __future__ import annotations

import grp
import pwd
import socket
import stat
from collections.abc import Iterator

from config.models import LocalHost
from connectors.doctor_step import PATIENCE, Step, get, ping_step, version_step
from connectors.local import socket_error


def examine_local(host: LocalHost) -> Iterator[Step]:
    """Yield: socket, permissions, ping, API version."""
    try:
        found = host.socket.stat()
    except OSError as error:
        told = socket_error(host, error)
        yield Step("socket", ok=False, detail=told.what, hint=told.hint)
        return
    if not stat.S_ISSOCK(found.st_mode):
        hint = "set `socket` to the Engine's socket"
        yield Step("socket", ok=False, detail=f"{host.socket} is not a socket", hint=hint)
        return
    yield Step("socket", ok=True, detail=f"{host.socket} exists")
    owners = f"{_user(found.st_uid)}:{_group(found.st_gid)} {stat.filemode(found.st_mode)}"
    try:
        _ask(host, "/_ping", connect_only=True)
    except OSError as error:
        told = socket_error(host, error)
        yield Step("permissions", ok=False, detail=f"{told.what} ({owners})", hint=told.hint)
        return
    yield Step("permissions", ok=True, detail=f"we may connect ({owners})")
    try:
        step = ping_step(_ask(host, "/_ping"))
        yield step
        if step.ok:
            yield version_step(_ask(host, "/version"))
    except OSError as error:
        yield Step("ping", ok=False, detail=f"no answer: {error}", hint="see the Engine's log")


def _ask(host: LocalHost, path: str, *, connect_only: bool = False) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(min(PATIENCE, host.monitoring.connect_timeout))
        sock.connect(str(host.socket))
        return b"" if connect_only else get(sock, path)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
