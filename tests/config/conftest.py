from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.load import load
from config.models import Config
from config.problems import ConfigError, Problem

Write = Callable[[str], Path]
Mistakes = Callable[[str], list[Problem]]
Good = Callable[[str], Config]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writes(text: str) -> Path:
        path = tmp_path / "hosts.toml"
        path.write_text(text)
        return path

    return writes


@pytest.fixture
def good(write: Write) -> Good:
    return lambda text: load(write(text), {})


@pytest.fixture
def mistakes(write: Write) -> Mistakes:
    def finds(text: str) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            load(write(text), {})
        return list(caught.value.problems)

    return finds
