"""What a new configuration means for a fleet that runs on an old one. Pure: it only compares."""

from __future__ import annotations

import msgspec

from config.fields import fields_of
from config.models import Config, Host
from config.references import Fingerprints, files_of

# What is taken over while fleet runs.
LIVE = frozenset({"log_level"})
# What a host has for filters and for proxies alone: its session knows nothing of it.
_ASIDE = ("labels", "route_address", "container_ip")


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """Names of hosts to start, stop and restart, and keys that need a restart of fleet itself."""

    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    fleet_changed: tuple[str, ...] = ()
    access_changed: tuple[str, ...] = ()
    storage_changed: tuple[str, ...] = ()
    cache_changed: tuple[str, ...] = ()
    tracing_changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do or to say."""
        return any(msgspec.structs.astuple(self))

    @property
    def message(self) -> str | None:
        """What the operator has to restart fleet for; None if nothing."""
        keys = [f"fleet.{key}" for key in self.fleet_changed]
        keys += [f"access.{key}" for key in self.access_changed]
        keys += [f"storage.{key}" for key in self.storage_changed]
        keys += [f"cache.{key}" for key in self.cache_changed]
        keys += [f"tracing.{key}" for key in self.tracing_changed]
        if not keys:
            return None
        return f"changed, but in effect only after a restart of fleet: {', '.join(keys)}"


def diff(
    old: Config, new: Config, before: Fingerprints | None = None, after: Fingerprints | None = None
) -> Diff:
    """Compare two configurations; disabled hosts count as absent.

    Args:
        old: What runs.
        new: What is wanted.
        before: The files the old hosts refer to, as they were when those were started.
        after: The files the new hosts refer to, as they are now.
    """
    running, wanted = _enabled(old), _enabled(new)
    was, now = before or {}, after or {}
    return Diff(
        started=tuple(name for name in wanted if name not in running),
        stopped=tuple(name for name in running if name not in wanted),
        restarted=tuple(
            name
            for name, host in wanted.items()
            if name in running
            and (is_another(running[name], host) or _files_changed(host, was, now))
        ),
        fleet_changed=_changed(old.fleet, new.fleet),
        access_changed=_changed(old.access, new.access),
        storage_changed=_changed(old.storage, new.storage),
        cache_changed=_changed(old.cache, new.cache),
        tracing_changed=_changed(old.tracing, new.tracing),
    )


def is_another(old: Host, new: Host) -> bool:
    """Whether what changed of a host asks for a new session; most keys do."""
    same = {name: getattr(new, name) for name in _ASIDE}
    return msgspec.structs.replace(old, **same) != new


def _enabled(config: Config) -> dict[str, Host]:
    return {name: host for name, host in config.hosts.items() if host.enabled}


def _files_changed(host: Host, was: Fingerprints, now: Fingerprints) -> bool:
    return any(was.get(path) != now.get(path) for path in files_of(host))


def _changed(old: msgspec.Struct, new: msgspec.Struct) -> tuple[str, ...]:
    names = fields_of(type(new))
    return tuple(
        name for name in names if name not in LIVE and getattr(old, name) != getattr(new, name)
    )
