"""Pages of proxies name every option and every issue of their renderers, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labels.render import prometheus, traefik
from labels.render.options import options_of

ROOT = Path(__file__).parents[3]
OPTIONS = {"traefik": traefik.Options, "prometheus": prometheus.Options}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_page_names_all_options_and_issues(name: str) -> None:
    page = (ROOT / "docs" / "proxies" / f"{name}.md").read_text()
    table = page.partition("\n## Options\n")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in table.splitlines() if row.startswith("| `")]
    named = [
        (option, row[2].strip(" `").split(", ")[place].strip("`"))
        for row in rows
        for place, option in enumerate(re.findall(r"`(\w+)`", row[1]))
    ]
    wanted = [(option.name, option.default) for option in options_of(OPTIONS[name])]
    assert sorted(named) == sorted(wanted)
    sources = (ROOT / "labels" / "render").glob(f"{name}*.py")
    found = {
        f"{name}-{word}"
        for source in sources
        for word in re.findall(r'notes\.add\(\s*"([a-z-]+)"', source.read_text())
    }
    assert found
    assert set(re.findall(rf"`({name}-[a-z-]+)`", page)) == found
