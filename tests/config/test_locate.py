from __future__ import annotations

from pathlib import Path

import pytest

from config.locate import find
from config.problems import ConfigError


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Folders of a machine without any configuration."""
    found = {name: tmp_path / name for name in ("here", "user", "system")}
    for folder in found.values():
        (folder / "fleet").mkdir(parents=True)
    monkeypatch.chdir(found["here"])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(found["user"]))
    monkeypatch.setenv("XDG_CONFIG_DIRS", f"{tmp_path}/other:{found['system']}")
    return found


def touched(path: Path) -> Path:
    path.write_text("")
    return path


def test_nothing_is_found_where_nothing_is() -> None:
    assert find(None, {}) is None


def test_the_nearest_wins(places: dict[str, Path]) -> None:
    system = touched(places["system"] / "fleet/hosts.toml")
    assert find(None, {}) == system
    user = touched(places["user"] / "fleet/hosts.toml")
    assert find(None, {}) == user
    here = touched(places["here"] / "hosts.toml")
    assert find(None, {}) == here
    named = touched(places["here"] / "a.toml")
    assert find(None, {"FLEET_CONFIG": "a.toml"}) == named
    flag = touched(places["here"] / "b.toml")
    assert find(Path("b.toml"), {"FLEET_CONFIG": "a.toml"}) == flag
    assert find(None, {"FLEET_CONFIG": ""}) == here


@pytest.mark.parametrize(
    ("explicit", "environ", "by"),
    [(Path("no.toml"), {}, "--config"), (None, {"FLEET_CONFIG": "no.toml"}, "FLEET_CONFIG")],
)
def test_a_named_file_must_exist(
    places: dict[str, Path], explicit: Path | None, environ: dict[str, str], by: str
) -> None:
    touched(places["here"] / "hosts.toml")
    with pytest.raises(ConfigError, match=f"no.toml: does not exist, though {by} names it"):
        find(explicit, environ)
    with pytest.raises(ConfigError, match=r"no.toml: does not exist; correct"):
        find(Path("no.toml"), {}, None)
