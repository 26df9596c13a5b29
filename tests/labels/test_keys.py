"""The table of labels: in itself, against the parser, and against the documentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from labels.model import Settings, Wish
from labels.parsing.keys import BY_NAME, KEYS, LabelKey
from labels.parsing.parser import parse
from labels.parsing.terms import CODES
from tests.labels.reading import revp

ROOT = Path(__file__).parents[2]
PROXIES = r"^(?:caddy|haproxy|nginx|prometheus|traefik)-"
DOCUMENT = (ROOT / "docs" / "labels.md").read_text()


def test_no_spelling_means_two_labels() -> None:
    spellings = [spelling for key in KEYS for spelling in (key.name, *key.aliases)]
    assert len(spellings) == len(set(spellings))
    assert set(BY_NAME) <= set(spellings)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_each_label_sets_a_field_that_there_is(key: LabelKey) -> None:
    first, _, second = key.field.partition(".")
    fields = set(Settings.__struct_fields__ if second else Wish.__struct_fields__)
    assert (second or first) in {*fields, "enabled"}
    written = [name.strip() for names in key.grammars.values() for name in names.split(",")]
    assert {name.replace("_", "-") for name in written} <= {key.name, *key.aliases}


@pytest.mark.parametrize("key", [key for key in KEYS if key.default], ids=lambda key: key.name)
def test_a_default_written_out_changes_nothing(key: LabelKey) -> None:
    for port in ("", "80.") if key.per_port else ("",):
        check = {f"{port}health-check": "/"} if key.name.startswith("health") else {}
        without = revp({f"{port}domain": "a.lan", **check})
        said = revp({f"{port}domain": "a.lan", **check, f"{port}{key.name}": key.default})
        assert said == without


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_aliases_mean_the_same(key: LabelKey) -> None:
    values = {"port": "81", "scheme": "https", "path": "/x", "middlewares": "m", "resolver": "r"}
    value = values.get(key.kind, "false" if key.default == "true" else "true")
    expected = revp({"domain": "a.lan", key.name: value})
    for alias in key.aliases:
        assert revp({"domain": "a.lan", alias: value}).wishes == expected.wishes


def test_the_table_can_be_served() -> None:
    assert msgspec.json.decode(msgspec.json.encode(KEYS), type=tuple[LabelKey, ...]) == KEYS


def row(key: LabelKey) -> str:
    """A label's line in the documentation's table."""
    aliases = ", ".join(f"`{alias}`" for alias in key.aliases) or "-"
    default = f"`{key.default}`" if key.default else "none"
    cells = (f"`{key.name}`", aliases, default, key.values, key.meaning, f"`{key.field}`")
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_each_label_is_documented_as_it_is(key: LabelKey) -> None:
    assert row(key) in DOCUMENT


def test_no_other_label_is_documented() -> None:
    table = DOCUMENT.split("## All labels", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    assert lines == [row(key) for key in KEYS]


def used_codes(*folders: str) -> Iterator[str]:
    """The codes of issues in the sources: where one is made, and where one is told of."""
    for path in (path for folder in folders for path in (ROOT / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield from of_call(node)


def of_call(call: ast.Call) -> Iterator[str]:
    named = [word.value for word in call.keywords if word.arg == "code"]
    told = isinstance(call.func, ast.Attribute) and call.func.attr in {"add", "warn"}
    for node in [*named, *(call.args[:1] if told and len(call.args) > 2 else [])]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_code_is_documented() -> None:
    folders = ("labels/parsing", "labels/routing", "labels/preview", "fleet/revp")
    codes = set(used_codes(*folders)) | set(CODES.values())
    assert {"no-domain", "check-timeout", "bad-port", "too-many-issues"} <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in DOCUMENT] == []


def test_what_a_proxy_cannot_express_is_documented() -> None:
    words = {re.sub(PROXIES, "", code) for code in used_codes("labels/render")}
    assert {"no-certificate", "strip-prefix"} <= words
    pages = DOCUMENT + "".join(path.read_text() for path in (ROOT / "docs/proxies").glob("*.md"))
    documented = {re.sub(PROXIES, "", code) for code in re.findall(r"`([a-z-]+)`", pages)}
    assert words - documented == set()


def test_the_documents_examples_are_right() -> None:
    blocks = DOCUMENT.split("```yaml\n")[1:]
    assert len(blocks) >= 3
    for block in blocks:
        lines = [line.strip() for line in block.split("```")[0].splitlines()]
        pairs = dict(line.split(": ", 1) for line in lines if line.startswith("snadboy."))
        parsed = parse({key: value.strip('"') for key, value in pairs.items()})
        assert parsed.wishes
        assert parsed.issues == ()
