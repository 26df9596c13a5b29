"""What the API answers of the configuration: the published documents, as elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from web.documents import ConfigDocument, Document

SettingValue = bool | float | str | list[str] | dict[str, str] | None


class MistakeDocument(Document, frozen=True, kw_only=True):
    """A mistake in a file that was refused: where, what is there, and what would be right.

    `key` is dotted, empty for the file as a whole; `suggestion` the word that was probably meant.
    """

    key: str
    found: str
    right: str = ""
    suggestion: str | None = None
    line: int | None = None
    column: int | None = None


class SettingDocument(Document, frozen=True, kw_only=True):
    """One key with its value in force; None where there is none; `unit` of a time.

    `written` is where the file says it, which may be among the defaults of hosts; None: it does
    not. `hidden`: the value, or a part of it, is not shown, as it may be secret. `waits`: the file
    says `after_restart`, which a restart of fleet puts in force.
    """

    key: str
    value: SettingValue
    unit: str = ""
    is_default: bool = True
    written: str | None = None
    hidden: bool = False
    waits: bool = False
    after_restart: SettingValue = None


class SectionDocument(Document, frozen=True, kw_only=True):
    """A table of the file, with each key that it may have."""

    name: str
    settings: tuple[SettingDocument, ...]


class HostSettingsDocument(Document, frozen=True, kw_only=True):
    """A configured host. `overrides` is what the file says of it, or of all hosts of its kind."""

    name: str
    connection: Literal["local", "tcp", "ssh"]
    target: str
    enabled: bool
    labels: dict[str, str]
    overrides: tuple[SettingDocument, ...]


class EffectiveConfigDocument(Document, frozen=True, kw_only=True):
    """`/api/config`: the configuration in force, without secrets.

    `config` is its state, `mistakes` what is wrong with a newer file that was refused. Of `routes`
    each is a static route, called by its domain and path.
    """

    config: ConfigDocument
    mistakes: tuple[MistakeDocument, ...]
    sections: tuple[SectionDocument, ...]
    hosts: tuple[HostSettingsDocument, ...]
    routes: tuple[SectionDocument, ...]


Configured = Callable[[], EffectiveConfigDocument | None]
"""The configuration in force; None while another process that has it did not tell it yet."""
