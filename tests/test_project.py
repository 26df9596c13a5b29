"""The project's own checks, so that the test command alone says whether the code may land."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports"],
    ],
    ids=" ".join,
)
def test_checks(command: list[str]) -> None:
    program, *words = command
    done = subprocess.run(
        [BIN / program, *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"].values()
    named = [*project["project"]["dependencies"], *(name for group in groups for name in group)]
    reasons = (ROOT / "docs" / "decisions.md").read_text()
    for requirement in named:
        match = re.match(r"[A-Za-z0-9-]+", requirement)
        assert match is not None
        assert match[0] in reasons, f"docs/decisions.md does not say why {match[0]} is there"


def test_every_package_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tops = ("fleet", "connectors", "labels", "storage", "web", "config")
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for top in tops
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert found == set(project["tool"]["setuptools"]["packages"])


def test_dependencies_are_locked_with_hashes_and_without_addresses() -> None:
    for name in ("runtime.txt", "container.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text()
        assert "://" not in text
        pins = re.findall(r"^[a-zA-Z0-9_.\[\]-]+==", text, re.MULTILINE)
        blocks = re.split(r"^(?=[a-zA-Z])", text, flags=re.MULTILINE)[1:]
        assert len(pins) == len(blocks)
        assert all("--hash=sha256:" in block for block in blocks)
