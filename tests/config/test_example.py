from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from config.fields import fields_of
from config.load import load
from config.models import (
    Cache,
    Config,
    Fleet,
    LocalHost,
    Monitoring,
    Retention,
    Retry,
    Revp,
    Route,
    SshHost,
    Storage,
    TcpHost,
    TlsFiles,
    Tracing,
)

ROOT = Path(__file__).parents[2]
MODELS = (
    *(Fleet, Storage, Cache, Tracing, Retention, Revp, Route, Monitoring, Retry),
    *(LocalHost, TcpHost, TlsFiles, SshHost),
)
NO_DEFAULTS = ("data_dir", "environment_allow", "insecure_skip_verify")
KEYS = sorted({name for model in MODELS for name in fields_of(model)} - {"name"})


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (
        ".ssh/fleet_ed25519",
        ".ssh/known_hosts",
        "tls/ca.pem",
        "tls/cert.pem",
        "tls/key.pem",
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("-----BEGIN CERTIFICATE-----")
        file.chmod(0o600)
    path = shutil.copy(ROOT / "hosts.example.toml", tmp_path / "hosts.toml")
    return load(Path(path), {"FLEET_KEY_PASSWORD": "x"})


def test_the_example_loads(example: Config) -> None:
    assert list(example.hosts) == ["local", "edge-1", "edge-2", "db-1.lan", "db-2", "bench"]
    edge = example.hosts["edge-2"]
    assert isinstance(edge, SshHost)
    assert (edge.username, edge.labels) == ("fleet", {"env": "staging", "site": "ber"})
    assert example.hosts["edge-1"].monitoring.stats_interval == 5
    assert example.hosts["db-1.lan"].monitoring.discovery_interval == 300
    assert len(example.warnings) == 1


@pytest.mark.parametrize(
    "model",
    [Fleet, Storage, Retention, Revp, Route, Monitoring, Retry],
    ids=lambda m: m.__name__,
)
def test_what_the_example_shows_as_default_is_the_default(
    example: Config, model: type[msgspec.Struct]
) -> None:
    host = example.hosts["local"]
    shown = {
        Fleet: example.fleet,
        Storage: example.storage,
        Retention: example.storage.retention,
        Revp: example.revp,
        Route: example.routes[0],
        Monitoring: host.monitoring,
    }
    found = shown.get(model, host.retry)
    for name, known in fields_of(model).items():
        if not known.required and name not in NO_DEFAULTS:
            assert getattr(found, name) == known.default, name


@pytest.mark.parametrize("key", KEYS)
def test_the_example_and_the_guide_name_every_key(key: str) -> None:
    assert key in (ROOT / "hosts.example.toml").read_text()
    assert f"`{key}`" in (ROOT / "docs/configuration.md").read_text()


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_the_guide_gives_every_default_as_it_is(model: type[msgspec.Struct]) -> None:
    lines = (ROOT / "docs/configuration.md").read_text().splitlines()
    for name, known in fields_of(model).items():
        if known.default is None or known.shape != "leaf":
            continue
        rows = [line for line in lines if line.startswith(f"| `{name}` |")]
        assert any(f"| {_in_toml(known.default)} |" in row for row in rows), name


def _in_toml(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    is_choice = isinstance(value, str) and value.replace("_", "").isalpha()
    return (
        f"`{value:g}`"
        if isinstance(value, float)
        else f'`"{value}"`'
        if is_choice
        else f"`{value}`"
    )
