"""Takes docker contexts over into hosts.toml."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import platformdirs

from config.load import load
from config.locate import FILE_NAME, find
from config.models import Config, Host, SshHost, TcpHost, TlsFiles
from config.problems import ConfigError
from connectors.contexts import ContextError, DockerContext, docker_contexts
from fleet.cli.errors import FAILED, OK, CommandError
from fleet.cli.output import complain, note, write, write_json
from fleet.cli.settings import config_failure

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one context; `toml` is empty when it was left out, `note` says why."""

    context: str
    host: str
    toml: str = ""
    note: str = ""


def import_contexts(
    config: Path | None, wanted: tuple[str, ...], *, do_write: bool, as_json: bool
) -> int:
    """Print or append the contexts; exit code 1 when one that was named is left out.

    Raises:
        CommandError: The contexts or hosts.toml cannot be read, or not be written.
    """
    path = _target(config)
    contexts = _contexts(wanted)
    found = plan(contexts, _existing(path))
    if do_write:
        _append(path, [each.toml for each in found if each.toml])
    if as_json:
        write_json({"file": str(path) if do_write else None, "hosts": found})
    else:
        _tell(found, path, do_write=do_write)
    left_out = any(not each.toml for each in found)
    return FAILED if wanted and left_out else OK


def _contexts(wanted: tuple[str, ...]) -> list[DockerContext]:
    try:
        every = docker_contexts()
    except ContextError as error:
        raise CommandError(
            str(error), "`docker context ls` shows what docker makes of it"
        ) from error
    known = [context.name for context in every]
    for name in wanted:
        if name not in known:
            raise CommandError(
                f"there is no docker context {name!r}", f"there are: {', '.join(known)}"
            )
    return [context for context in every if not wanted or context.name in wanted]


def plan(contexts: Iterable[DockerContext], config: Config | None) -> list[Imported]:
    """Decide which contexts become hosts. Pure.

    Args:
        contexts: As docker has them.
        config: What is configured already, if anything.
    """
    names = set(config.hosts) if config else set()
    targets = {host.target: name for name, host in config.hosts.items()} if config else {}
    found = []
    for context in contexts:
        name = _UNFIT.sub("-", context.name).strip("._-")[:63] or "context"
        if context.name == "default" and "local" not in names:
            name = "local"
        if context.host is None:
            outcome = Imported(context=context.name, host=name, note=context.note)
        elif context.host.target in targets:
            known = targets[context.host.target]
            said = f"{context.host.target} is there already, as {known}"
            outcome = Imported(context=context.name, host=name, note=said)
        elif name in names:
            said = f"another host is called {name} already"
            outcome = Imported(context=context.name, host=name, note=said)
        else:
            toml = host_toml(name, context.host)
            outcome = Imported(context=context.name, host=name, toml=toml, note=context.note)
            names.add(name)
            targets[context.host.target] = name
        found.append(outcome)
    return found


def host_toml(name: str, host: Host) -> str:
    """One `[hosts.NAME]` table with what a docker context can say. Pure."""
    key = name if "." not in name else _text(name)
    values: list[tuple[str, str]] = [("connection", _text(str(host.__struct_config__.tag)))]
    if isinstance(host, TcpHost):
        values += [("address", _text(host.address)), ("port", str(host.port))]
        if host.tls is not None:
            values.append(("tls", _tls(host.tls)))
        if host.insecure:
            values.append(("insecure", "true"))
    elif isinstance(host, SshHost):
        values.append(("address", _text(host.address)))
        values += [("port", str(host.port))] if host.port else []
        values += [("username", _text(host.username))] if host.username else []
        values.append(("socket", _text(host.socket)))
    else:
        values.append(("socket", _text(str(host.socket))))
    return "\n".join([f"[hosts.{key}]", *(f"{name} = {value}" for name, value in values)]) + "\n"


def _tls(tls: TlsFiles) -> str:
    named = {"ca_file": tls.ca_file, "cert_file": tls.cert_file, "key_file": tls.key_file}
    inside = ", ".join(f"{key} = {_text(str(path))}" for key, path in named.items() if path)
    return f"{{ {inside} }}"


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's, but DEL must be escaped too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _target(config: Path | None) -> Path:
    """The file to append to: the one in use, the one named, or a new one of this user's."""
    if config is not None and not config.exists():
        return config.absolute()
    try:
        found = find(config, os.environ)
    except ConfigError as error:
        raise config_failure(error) from error
    return found or platformdirs.user_config_path("fleet", appauthor=False) / FILE_NAME


def _existing(path: Path) -> Config | None:
    if not path.exists():
        return None
    try:
        return load(path, check_files=False)
    except ConfigError as error:
        raise config_failure(error) from error


def _append(path: Path, tables: list[str]) -> None:
    """Write the new file beside the old one, check it, put it in place: whole or not at all."""
    if not tables:
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}.toml")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
        fresh.write_text(before + gap + "\n".join(tables), encoding="utf-8")
        if path.exists():
            fresh.chmod(path.stat().st_mode & 0o777)
        load(fresh, check_files=False)
        fresh.replace(path.resolve())
    except ConfigError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(
            f"{path} would get mistakes:\n{problems}", "nothing was written"
        ) from error
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        fresh.unlink(missing_ok=True)


def _tell(found: list[Imported], path: Path, *, do_write: bool) -> None:
    taken = [each for each in found if each.toml]
    if not do_write:
        for at, each in enumerate(taken):
            write(
                ("" if at == 0 else "\n")
                + f"# docker context {each.context}\n"
                + each.toml.rstrip()
            )
    for each in found:
        if each.note:
            left = "" if each.toml else "left out: "
            note(f"fleet: context {each.context}: {left}{each.note}")
    if do_write and taken:
        note(f"fleet: wrote {', '.join(each.host for each in taken)} to {path}")
        note("  next: `fleet check`, then `fleet status`")
    elif not taken:
        complain("nothing to take over")
