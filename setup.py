"""What pyproject.toml cannot say: the pages' scripts and stylesheet are built before packing."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from frontend.build import build  # noqa: E402 - of this checkout, wherever setuptools runs from


class BuildWithPages(build_py):
    """Python's files, and what browsers get."""

    def run(self) -> None:
        """Build what is not there; `make` builds it anew when its sources changed."""
        if not (ROOT / "web" / "pages" / "static" / "manifest.json").exists():
            build()
        super().run()


setup(cmdclass={"build_py": BuildWithPages})
