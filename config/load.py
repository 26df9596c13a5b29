"""Reading `hosts.toml`: from bytes to a valid `Config`, or to every mistake at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

from config.checks import (
    check_access,
    check_cache,
    check_duplicates,
    check_fleet,
    check_host,
    check_serving,
    check_storage,
    well_formed,
)
from config.fields import fields_of
from config.files import Surroundings
from config.hosts import ALL, HostTable, read_defaults, read_hosts
from config.models import (
    Access,
    Cache,
    Config,
    Fleet,
    Host,
    Monitoring,
    Retry,
    Revp,
    Storage,
    Tracing,
)
from config.people import check_people
from config.positions import Positions, scan
from config.problems import ConfigError, Key, Problem, Problems, closest, dotted
from config.route_checks import check_revp, check_routes
from config.routes import built_routes, read_routes
from config.tables import Reader, Table, built, origins_of
from config.urls import fault_in_collector

_MOST_BYTES = 16 * 1024 * 1024
_SECTIONS = (
    "fleet",
    "access",
    "storage",
    "cache",
    "tracing",
    "revp",
    "routes",
    "defaults",
    "hosts",
)
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def load(
    path: Path, environ: Mapping[str, str] = os.environ, *, check_files: bool = True
) -> Config:
    """Read and check a configuration file.

    Args:
        path: The file. Relative paths in it count from its folder, whose symlinks are kept.
        environ: Where `*_env` keys are looked up.
        check_files: Whether named files and variables must be usable too. Without, a host can be
            read whose known_hosts file is only about to be written.

    Raises:
        ConfigError: It cannot be read, or it has mistakes: all of them.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow symlinks
    data, problems = _parsed(path)
    reader = Reader(problems, path.parent)
    fleet = reader.table(data.get("fleet", {}), fields_of(Fleet), ("fleet",))
    access = reader.table(data.get("access", {}), fields_of(Access), ("access",))
    storage = reader.table(data.get("storage", {}), fields_of(Storage), ("storage",))
    cache = reader.table(data.get("cache", {}), fields_of(Cache), ("cache",))
    tracing = reader.table(data.get("tracing", {}), fields_of(Tracing), ("tracing",))
    revp = reader.table(data.get("revp", {}), fields_of(Revp), ("revp",))
    routes = read_routes(reader, data.get("routes", []), revp)
    defaults = read_defaults(reader, data.get("defaults", {}))
    hosts = read_hosts(reader, data.get("hosts", {}), defaults)
    _check(data, fleet, storage, hosts, problems)
    check_access(access, fleet, problems)
    check_people(access, problems)
    check_cache(cache, problems)
    well_formed(tracing, "endpoint", fault_in_collector, problems)
    check_revp(revp, problems)
    check_routes(routes, problems)
    if check_files:
        surroundings = Surroundings(environ, problems)
        surroundings.check(fleet, Fleet)
        surroundings.check(access, Access)
        surroundings.check(storage, Storage)
        surroundings.check(cache, Cache)
        for host in hosts:
            if host.enabled and host.model is not None:
                surroundings.check(host.table, host.model)
    if problems.problems:
        raise ConfigError(problems.problems, path)
    fleet.values.setdefault("data_dir", default_data_dir())
    start = defaults[ALL]
    tables = [fleet, access, storage, cache, tracing, revp, start, *routes]
    tables += [host.table for host in hosts]
    return Config(
        fleet=built(fleet, Fleet),
        access=built(access, Access),
        storage=built(storage, Storage),
        cache=built(cache, Cache),
        tracing=built(tracing, Tracing),
        hosts={host.name: built(host.table, host.model) for host in hosts if host.model},
        revp=built(revp, Revp),
        routes=built_routes(routes),
        monitoring=built(start.values.get("monitoring", Table(())), Monitoring),
        retry=built(start.values.get("retry", Table(())), Retry),
        source=path,
        warnings=problems.warnings,
        origins={
            key: place for each in tables for key, place in origins_of(each, each.key).items()
        },
    )


def without_file(hosts: Mapping[str, Host]) -> Config:
    """The configuration of a machine that has no file: the defaults, and the hosts found."""
    return Config(fleet=Fleet(data_dir=default_data_dir()), storage=Storage(), hosts=dict(hosts))


def default_data_dir() -> Path:
    """Where the embedded database and the spool go: the user's data folder.

    For root /var/lib/fleet: PostgreSQL refuses to run as root, and whom it runs as instead cannot
    enter /root.
    """
    if os.name == "posix" and os.geteuid() == 0 and "XDG_DATA_HOME" not in os.environ:
        return Path("/var/lib/fleet")
    return platformdirs.user_data_path("fleet", appauthor=False)


def _parsed(path: Path) -> tuple[dict[str, Any], Problems]:
    text = _read(path)
    lines = _lines(text)
    problems = Problems(lambda key: lines().line(key))
    if text.startswith(_BOM):
        text = text.removeprefix(_BOM)
        found, right = "the file starts with a byte order mark", "save it as UTF-8 without BOM"
        problems.add((), found, right)
    try:
        return tomllib.loads(text), problems
    except RecursionError:
        problem = Problem(key="", found="lists or tables are nested too deeply")
    except ValueError as error:  # TOMLDecodeError, and what int() and date() refuse
        if twice := _given_twice(lines()):
            raise ConfigError(twice, path) from None
        problem = _syntax_problem(str(error))
    raise ConfigError((*problems.problems, problem), path)


def _lines(text: str) -> Callable[[], Positions]:
    """Scan only when a line is asked for: a file without mistakes needs none."""
    return cache(lambda: scan(text.removeprefix(_BOM).replace("\r\n", "\n")))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        problem = Problem(key="", found=f"cannot be read: {error.strerror}")
        raise ConfigError([problem], path) from error
    if len(data) > _MOST_BYTES:
        raise ConfigError([Problem(key="", found="larger than 16 MiB")], path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        problem = Problem(
            key="",
            line=data.count(b"\n", 0, error.start) + 1,
            column=len(data[start : error.start].decode(errors="replace")) + 1,
            found=f"the byte 0x{data[error.start]:02x} is not UTF-8",
            right="save the file as UTF-8",
        )
        raise ConfigError([problem], path) from None  # its context would hold the whole file


def _given_twice(positions: Positions) -> list[Problem]:
    return [
        Problem(
            key=dotted(key),
            line=line,
            found="given twice",
            right=f"first on line {first}: keep one",
        )
        for key, first, line in positions.duplicates
    ]


def _syntax_problem(text: str) -> Problem:
    place = _PLACE.search(text)
    what = _PLACE.sub("", text)
    right = 'text stands in quotes: name = "text"' if what == "Invalid value" else ""
    line, column = (int(place[1]), int(place[2])) if place and place[1] else (None, None)
    end = " at the end of the file" if place and line is None else ""
    found = f"not valid TOML: {what[:1].lower()}{what[1:]}{end}"
    return Problem(key="", line=line, column=column, found=found, right=right)


def _check(
    data: dict[str, Any],
    fleet: Table,
    storage: Table,
    hosts: list[HostTable],
    problems: Problems,
) -> None:
    for name in data:
        if name not in _SECTIONS:
            key: Key = (name,)
            meant = closest(name, _SECTIONS)
            right = "" if meant else "known here: " + ", ".join(f"[{each}]" for each in _SECTIONS)
            problems.add(key, "unknown table or key", right, meant)
    check_fleet(fleet, problems)
    check_serving(fleet, problems)
    check_storage(storage, problems)
    for host in hosts:
        check_host(host, problems)
    check_duplicates(hosts, problems)
    if not any(host.enabled for host in hosts):
        problems.warn(("hosts",), "none is enabled, so nothing is watched: add [hosts.NAME]")
