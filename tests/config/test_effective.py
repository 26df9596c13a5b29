"""The configuration as it is shown: all of it, with where each value is from, and no secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.effective import Effective, HostSettings, Setting, effective
from config.fields import fields_of
from config.load import load
from config.models import Access, Cache, Config, Fleet, Host, Oidc, Revp, Storage, Tracing
from tests.config.conftest import Good, Write

MARK = "Marker-7f3a"
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "fleet": Fleet,
    "access": Access,
    "storage": Storage,
    "cache": Cache,
    "tracing": Tracing,
    "revp": Revp,
}
SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


def at(found: Effective, section: str, key: str) -> Setting:
    (of,) = [each for each in found.sections if each.name == section]
    (setting,) = [each for each in of.settings if each.key == key]
    return setting


def test_each_key_is_there_with_where_it_is_from(good: Good) -> None:
    found = effective(
        good("""
[fleet]
listen = "127.0.0.1:9000"
[storage]
batch_age = "500ms"
retention = { samples = 3 }
[defaults.ssh]
port = 2222
[defaults.monitoring]
stats_interval = 5
[hosts.a]
connection = "ssh"
address = "a.lan"
labels = { site = "fra" }
[hosts.b]
connection = "local"
enabled = false
monitoring = { logs = "all" }
""")
    )
    for name, model in SECTIONS.items():
        (section,) = [each for each in found.sections if each.name == name]
        plain = {key for key, known in fields_of(model).items() if known.shape != "table"}
        optional = {"oidc"} & set(fields_of(model))  # a table of its own where there is one
        assert {each.key for each in section.settings} == plain | optional
    listen = Setting(key="listen", value="127.0.0.1:9000", is_default=False, written="fleet.listen")
    assert at(found, "fleet", "listen") == listen
    assert at(found, "storage", "readers") == Setting(key="readers", value=4)
    age = at(found, "storage", "batch_age")
    assert (age.value, age.unit, age.written) == (0.5, "seconds", "storage.batch_age")
    samples = at(found, "storage.retention", "samples")
    assert (samples.value, samples.unit, samples.is_default) == (3, "days", False)
    assert at(found, "defaults.monitoring", "stats_interval").value == 5.0
    a, b = found.hosts
    assert isinstance(a, HostSettings)
    assert (a.connection, a.target, a.labels) == ("ssh", "ssh://a.lan:2222", {"site": "fra"})
    assert [(each.key, each.written) for each in a.overrides] == [
        ("address", "hosts.a.address"),
        ("port", "defaults.ssh.port"),
    ]
    assert not b.enabled
    assert [each.key for each in b.overrides] == ["monitoring.logs"]


def test_what_waits_for_a_restart_is_not_in_force(write: Write) -> None:
    hosts = '[hosts.a]\nconnection = "local"\n'
    began = load(write(f"[storage]\nreaders = 4\n{hosts}"), {})
    text = f'[fleet]\nlog_level = "debug"\n[storage]\nreaders = 8\n[revp]\ndrain = 3\n{hosts}'
    found = effective(load(write(text), {}), began)
    readers = at(found, "storage", "readers")
    assert (readers.value, readers.waits, readers.after_restart) == (4, True, 8)
    for section, key, value in (("fleet", "log_level", "debug"), ("revp", "drain", 3.0)):
        now = at(found, section, key)
        assert (now.value, now.waits) == (value, False)


@pytest.mark.parametrize(
    ("url", "shown", "hidden"),
    [
        ("postgresql://db.lan:5432/fleet", "postgresql://db.lan:5432/fleet", False),
        (f"postgresql://u:{MARK}@db.lan/fleet", "postgresql://db.lan/fleet", True),
        (f"postgresql://db/fleet?password={MARK}", "postgresql://db/fleet", True),
        (f"postgresql://u:12/{MARK}@db/fleet", "(hidden)", True),
        (f"host=db password={MARK}", "(hidden)", True),
        ("unix:///run/redis.sock", "unix:///run/redis.sock", False),
    ],
)
def test_a_url_is_shown_without_who_connects(url: str, shown: str, hidden: bool) -> None:
    config = Config(fleet=Fleet(data_dir=Path("/d")), storage=Storage(url=url), hosts={})
    setting = at(effective(config), "storage", "url")
    assert (setting.value, setting.hidden) == (shown, hidden)


def filled(model: type[msgspec.Struct], folder: Path, word: str) -> dict[str, Any]:
    """A value with the marker for each field that a secret could be in, or behind."""
    return dict(_filled(model, folder, word))


def _filled(model: type[msgspec.Struct], folder: Path, word: str) -> Iterator[tuple[str, Any]]:
    for name, known in fields_of(model).items():
        if known.is_file:
            secret = folder / name
            secret.write_text(MARK)
            yield name, secret
        elif known.role == "variable":
            yield name, word.lower() + MARK.lower()  # a secret where its variable's name should be
        elif "url" in name or name in ("issuer", "endpoint", "label"):
            yield name, f"https://{word}:{MARK}@place.lan/path?token={MARK}"
        elif known.role == "admin url":
            yield name, (f"http://{word}:{MARK}@127.0.0.1:2019",)
        elif known.struct is not None and name in ("oidc", "tls"):
            yield name, known.struct(**filled(known.struct, folder, word))
        elif known.required:
            yield name, folder if known.type is Path else name


def all_models(folder: Path, word: str) -> Mapping[str, Any]:
    made: dict[str, Any] = {
        name: model(**filled(model, folder, word)) for name, model in SECTIONS.items()
    }
    hosts = {}
    for kind in get_args(Host):
        name = kind.__struct_config__.tag
        hosts[name] = kind(**{**filled(kind, folder, word), "name": name})
    return {**made, "hosts": hosts}


@given(word=st.from_regex(r"[a-z]{1,12}", fullmatch=True))
@SETTINGS
def test_no_secret_of_any_field_is_in_it(
    tmp_path_factory: pytest.TempPathFactory, word: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    models = all_models(folder, word)
    every = [each for name, each in models.items() if name != "hosts"]
    given_away = sum(
        MARK.lower() in str(each).lower() for each in [*every, *models["hosts"].values()]
    )
    assert given_away >= 5  # the models hold it
    config = Config(**models)
    origins = {
        f"hosts.{name}.{key}": f"hosts.{name}.{key}"
        for name, host in config.hosts.items()
        for key in fields_of(type(host))
    }
    found = effective(msgspec.structs.replace(config, origins=origins))
    text = msgspec.json.encode(found).decode()
    assert MARK.lower() not in text.lower()
    for name in ("password_file", "client_secret_file", "key_file"):
        assert str(folder / name) in text  # where a secret is may be known


def test_every_field_that_names_a_secret_is_of_a_kind_that_is_known() -> None:
    """A new field that holds one as text would be shown: give it a role, or a name as these."""
    models = [*SECTIONS.values(), Oidc, *get_args(Host)]
    for model in models:
        for name, known in fields_of(model).items():
            if any(word in name for word in ("password", "secret", "token")):
                assert known.role in ("secret", "variable"), (model, name)
