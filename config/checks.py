"""Mistakes that no single value shows: what contradicts, repeats, or endangers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from config.addresses import (
    canonical,
    fault_in_address,
    fault_in_cache_url,
    fault_in_database_url,
    fault_in_jump,
    is_loopback,
    is_network,
    split_listen,
)
from config.fields import fields_of
from config.hosts import HostTable
from config.models import LocalHost, Retry, SshHost, Storage, TcpHost
from config.problems import Problems, shown
from config.tables import Table

_SOCKET_PATH = 107  # bytes that a Unix socket's address has room for on Linux
_SSH_PORT = 22


def check_fleet(table: Table, problems: Problems) -> None:
    """Check `[fleet]`: the address it listens on."""
    listen = table.values.get("listen")
    if listen is None:
        return
    key = table.origin("listen")
    try:
        split_listen(listen)
    except ValueError:
        right = 'it should be like "127.0.0.1:8080" or "[::1]:8080"'
        problems.add(key, f"found {shown(listen)}", right)


def check_serving(fleet: Table, problems: Problems) -> None:
    """Check `[fleet]`: what belongs to a certificate, and who is believed."""
    given = fleet.origins
    if "tls_cert_file" not in given:
        for name in ("tls_key_file", "tls_key_password_file", "tls_key_password_env"):
            if name in given:
                right = "add tls_cert_file: the certificate that belongs to the key"
                problems.add(given[name], "given without a certificate", right)
    for number, text in enumerate(fleet.values.get("trusted_proxies", ())):
        if text != "unix" and not is_network(text):
            right = 'it should be an address or a network, like "10.0.0.5" or "10.0.0.0/8"'
            key = (*fleet.origin("trusted_proxies"), number)
            problems.add(key, f"found {shown(text)}", right)
    if _is_reached_by_others(fleet) and not {"tls_cert_file", "trusted_proxies"} & given.keys():
        right = "whoever is on the way can read tokens and answers: add tls_cert_file, or name "
        right += "the proxy before it in trusted_proxies"
        problems.warn(fleet.origin("listen"), right)


def _is_reached_by_others(fleet: Table) -> bool:
    """Whether it listens where other machines may ask; False where that cannot be read."""
    try:
        host, _ = split_listen(fleet.values.get("listen", "127.0.0.1:0"))
    except ValueError:
        return False
    return not is_loopback(host)


def check_access(table: Table, fleet: Table, problems: Problems) -> None:
    """Check `[access]`: warn where anyone may read."""
    if table.values.get("anonymous") != "viewer":
        return
    if _is_reached_by_others(fleet):
        right = "anyone who reaches fleet can read everything without a token"
        problems.warn(table.origin("anonymous"), right)


def check_storage(table: Table, problems: Problems) -> None:
    """Check `[storage]`: the database's URL, and limits that depend on each other."""
    url = table.values.get("url")
    if url is not None and (right := fault_in_database_url(url)):
        found = "a password in the URL" if "password" in right else "not a database URL"
        problems.add(table.origin("url"), found, right)
    if url is None and "url" not in table.broken:
        for name in ("password_file", "password_env"):
            if name in table.values:
                found = "given without a url"
                right = "the embedded database needs no password: remove it, or add url"
                problems.add(table.origin(name), found, right)
    batch, queue = (_number(table, name) for name in ("batch_size", "queue_rows"))
    if queue < batch:
        name = "queue_rows" if "queue_rows" in table.values else "batch_size"
        right = "queue_rows should be at least batch_size"
        problems.add(table.origin(name), f"queue_rows is {queue}, batch_size {batch}", right)


def check_cache(table: Table, problems: Problems) -> None:
    """Check `[cache]`: its URL, and a password without one."""
    url = table.values.get("url")
    if url is not None and (right := fault_in_cache_url(url)):
        found = "a password in the URL" if "password" in right else f"found {shown(url)}"
        problems.add(table.origin("url"), found, right)
    if "url" not in table.origins:
        for name in ("password_file", "password_env"):
            if name in table.values:
                problems.add(table.origin(name), "given without a url", "remove it, or add url")


def _number(table: Table, name: str) -> int:
    value: int = table.values.get(name, fields_of(Storage)[name].default)
    return value


def check_host(host: HostTable, problems: Problems) -> None:
    """Check one host by itself."""
    well_formed(host.table, "address", fault_in_address, problems)
    well_formed(host.table, "route_address", fault_in_address, problems)
    well_formed(host.table, "jump", fault_in_jump, problems)
    well_formed(host.table, "username", _fault_in_username, problems)
    retry = host.table.values.get("retry")
    if isinstance(retry, Table):
        _check_retry(retry, problems)
    if host.model is LocalHost:
        _check_socket(host, problems)
    elif host.model is TcpHost:
        _check_tls(host, problems)


def well_formed(
    table: Table, name: str, fault: Callable[[str], str | None], problems: Problems
) -> None:
    """Report the text at `name`, if there is one and `fault` knows what to write instead."""
    value = table.values.get(name)
    if value is not None and (right := fault(value)):
        problems.add(table.origin(name), f"found {shown(value)}", right)


def _fault_in_username(text: str) -> str | None:
    plain = text.isprintable() and not set(text) & set(" @:/")
    return None if plain else "it should be the user alone, without host or spaces"


def _check_retry(table: Table, problems: Problems) -> None:
    least, most = (
        table.values.get(name, fields_of(Retry)[name].default) for name in ("minimum", "maximum")
    )
    if least > most:
        name = "minimum" if "minimum" in table.values else "maximum"
        right = "minimum should not be above maximum"
        problems.add(table.origin(name), f"minimum is {least:g} s, maximum {most:g} s", right)


def _check_socket(host: HostTable, problems: Problems) -> None:
    socket: Path = host.get("socket")
    if len(os.fsencode(socket)) > _SOCKET_PATH:
        found = f"a path of {len(os.fsencode(socket))} bytes"
        right = f"a Unix socket's path has room for {_SOCKET_PATH}: use a shorter one or a link"
        problems.add(host.table.origin("socket"), found, right)


def _check_tls(host: HostTable, problems: Problems) -> None:
    table, insecure = host.table, host.get("insecure")
    tls = table.values.get("tls")
    if isinstance(tls, Table):
        well_formed(tls, "server_name", fault_in_address, problems)
        if insecure:
            right = "remove one: tls protects the connection, insecure gives that up"
            problems.add(table.origin("insecure"), "given beside tls", right)
        if "key_file" in tls.values and "cert_file" not in tls.origins:
            right = "add cert_file: the certificate that belongs to the key"
            problems.add(tls.origin("key_file"), "a key without a certificate", right)
        return
    address = table.values.get("address")
    if address is None or is_loopback(address) or {"tls", "insecure"} & table.broken:
        return
    if insecure:
        text = f"{address} is watched over plain TCP: whoever is on the way can control its Engine"
        if host.enabled:
            problems.warn(table.key, text)
        return
    right = (
        "add tls = { ca_file = ..., cert_file = ..., key_file = ... }, tls = {} for the system's "
        "authorities, or, knowing that others can read and control this Engine, insecure = true"
    )
    problems.add(table.key, f"plain TCP to {address}, another machine", right)


def check_duplicates(hosts: Iterable[HostTable], problems: Problems) -> None:
    """Report hosts that lead to the same Engine as one before them. Disabled ones may."""
    seen: dict[tuple[object, ...], HostTable] = {}
    for host in hosts:
        identity = _identity(host) if host.enabled else None
        if identity is None:
            continue
        first = seen.setdefault(identity, host)
        if first is not host:
            key = (*host.table.key, "socket" if host.model is LocalHost else "address")
            found = f"the same Engine as {problems.where(first.table.key)}"
            problems.add(key, found, "remove or disable one of them")


def _identity(host: HostTable) -> tuple[object, ...] | None:
    """What tells two Engines apart; None where it could not be read."""
    if host.model is LocalHost and "socket" not in host.table.broken:
        return "local", os.path.realpath(host.get("socket"))
    address = host.table.values.get("address")
    if address is None or "port" in host.table.broken:
        return None
    if host.model is TcpHost:
        return "tcp", canonical(address), host.get("port")
    if host.model is SshHost:
        # Behind different jump hosts, or by another ssh_config, one address is many machines.
        way = (host.get("jump"), host.get("ssh_config_file"))
        login = (host.get("username"), canonical(address), host.get("port") or _SSH_PORT)
        return "ssh", *login, host.get("socket"), *way
    return None
