"""Every example on every page: checked here, or by a test that is named here.

A block in a language that nobody knows, a command or an option that is gone, and a configuration
that would be refused fail. Commands of fleet are run by `test_docs_commands.py`.
"""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import yaml

from config.load import load
from fleet.cli.root import cli

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda page: page.as_posix()
)
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)

# Run by another test: the program that can tell whether the example is right is there.
ELSEWHERE = {
    ("docs/client.md", "python"): "tests/client/test_docs.py",
    ("docs/grafana/README.md", "sql"): "tests/storage/test_grafana.py",
    ("docs/prometheus/README.md", "promql"): "tests/test_prometheus_rules.py",
    ("docs/storage.md", "sql"): "tests/storage/test_grafana.py",
    ("docs/proxies/haproxy.md", "haproxy"): "tests/proxies/test_haproxy.py",
}
CURL = {
    "docs/api.md": "tests/web/test_rest_examples.py",
    "docs/access.md": "tests/storage/test_access_examples.py",
}
# Not run by any test, and why.
LEFT_OUT = {
    ("docs/api.md", "js"): "a browser's",
    ("docs/api.md", ""): "what answers and streams look like",
    ("docs/architecture.md", ""): "drawings",
    ("docs/cli.md", ""): "what commands print",
    ("docs/serving-apart.md", ""): "a drawing",
}
# Other programs: what they do is theirs. The files that they are given have to be there.
OTHERS = {"docker", "eval", "install", "rm", "source", "systemctl"}
OTHERS |= {"python3", "/opt/fleet/bin/pip"}
OURS = ("deploy/", "requirements/")


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        text, name = page.read_text(), page.relative_to(ROOT).as_posix()
        found = list(FENCE.finditer(text))
        assert 2 * len(found) == len(re.findall(r"^ *```", text, re.MULTILINE)), name
        for one in found:
            line = text.count("\n", 0, one.start()) + 1
            yield Block(name, line, one[2], textwrap.dedent(one[3]))


BLOCKS = list(blocks())


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def commands() -> Iterator[tuple[Block, str]]:
    """Each command with its block: of shells, of the units of systemd, of what commands print."""
    for block in BLOCKS:
        text = block.text.replace("\\\n", " ")
        if block.language == "sh":
            lines = text.splitlines()
        elif block.language == "ini":
            lines = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
        else:
            lines = re.findall(r"^[$#] (.+)$", text, re.MULTILINE) if _is_typed(block) else []
        for line in lines:
            for command in line.split(" && "):
                yield block, command


def _is_typed(block: Block) -> bool:
    return block.language == "console" or block.text.startswith("$ ")


def parse(words: list[str]) -> None:
    """Take a command line of ours apart as fleet itself does, and do nothing.

    Raises:
        click.UsageError: There is no such command or option, or arguments are wrong.
    """
    name: str | None = "fleet"
    command: click.Command | None = cli
    context = None
    while command is not None:
        context = command.make_context(name, list(words), parent=context)
        if not isinstance(command, click.Group):
            return
        rest = command.make_parser(context).parse_args(list(words))[1]
        if not rest:
            return  # the group does something by itself
        name, command, words = command.resolve_command(context, rest)


def is_known(words: list[str]) -> bool:
    """Whether a command that the text speaks of is there, with its options; not its arguments."""
    command: click.Command = cli
    context = click.Context(cli)
    options: dict[str, bool] = {"--help": False}  # and whether a value follows
    rest = iter(words)
    for word in rest:
        if word.startswith("-") and word != "-":
            name, _, value = word.partition("=")
            if name not in options:
                return False
            if options[name] and not value:
                next(rest, None)
        elif isinstance(command, click.Group) and word.islower():
            found = command.get_command(context, word)
            if found is None:
                return False
            command = found
        for each in command.params:
            takes = isinstance(each, click.Option) and not (each.is_flag or each.count)
            options |= dict.fromkeys(each.opts, takes)
    return True


def commands_of(cell: str) -> list[list[str]]:
    """The commands that a row of the table is about: "`fleet user enable`, `disable`" are two."""
    first, *further = (shlex.split(each) for each in re.findall(r"`([^`]+)`", cell))
    words = first[1:]
    return [words, *([*words[:-1], *each] for each in further)]


def test_every_block_is_looked_at() -> None:
    here = {"toml", "json", "yaml", "sh", "console", "ini"}
    left = {
        (block.page, block.language)
        for block in BLOCKS
        if block.language not in here and not _is_typed(block)
    }
    assert left == set(ELSEWHERE) | set(LEFT_OUT)
    for (page, _), test in (
        *ELSEWHERE.items(),
        *(((page, ""), test) for page, test in CURL.items()),
    ):
        assert Path(page).name in (ROOT / test).read_text(), test


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_is_right(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml_is_right(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.text), dict | list)


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_a_configuration_is_right(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    text = re.sub(r'(_file = ")/', rf"\g<1>{tmp_path}/", block.text)
    for name in re.findall(r'\w_file = "([^"]+)"', text):
        file = tmp_path / name.removeprefix("~/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("-----BEGIN CERTIFICATE-----")
        file.chmod(0o600)
    known = tmp_path / ".ssh" / "known_hosts"
    known.parent.mkdir(exist_ok=True)
    known.touch()
    if "[hosts" not in text:
        text += '\n[hosts.local]\nconnection = "local"\n'
    path = tmp_path / "hosts.toml"
    path.write_text(text)
    config = load(path, {})
    assert config.hosts
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("block", "command"),
    [pytest.param(*each, id=f"{each[0]}-{each[1][:30]}") for each in commands()],
)
def test_a_command_is_one(block: Block, command: str) -> None:
    for inner in re.findall(r"\$\((fleet [^)]*)\)", command):
        parse(shlex.split(inner)[1:])
    words = shlex.split(command, comments=True)
    program, *rest = words[: words.index(">")] if ">" in words else words
    if program in ("fleet", "/usr/bin/fleet"):
        parse(rest)
    elif program == "curl":
        assert block.page in CURL
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert program in OTHERS | {"/usr/bin/caddy"}
        assert [word for word in rest if word.startswith(OURS) and not (ROOT / word).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_the_text_speaks_of_are_there(page: Path) -> None:
    told = re.findall(r"`fleet ([a-z][^`]*)`", page.read_text())
    assert [text for text in told if not is_known(shlex.split(text.partition(" >")[0]))] == []


def test_the_options_in_the_table_of_commands_are_theirs() -> None:
    table = (ROOT / "docs" / "cli.md").read_text()
    rows = re.findall(r"^\| (`fleet [^|]*) \| (.+) \|$", table, re.MULTILINE)
    assert len(rows) > 30
    for cell, told in rows:
        those = commands_of(cell)
        assert all(is_known(words) for words in those), cell
        for option in re.findall(r"`(--?[a-z-]*[a-z])", told):
            assert any(is_known([*words, option]) for words in those), (cell, option)


@pytest.mark.parametrize(
    "line",
    ["statis", "ps --al", "routes explan x", "routes apply haproxy --folow", "db backup", "user"],
)
def test_a_command_that_is_none_is_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(shlex.split(line))


def test_an_option_that_is_gone_is_noticed() -> None:
    assert is_known(["routes", "--issues", "--format", "haproxy"])
    for line in ("statis", "status --wach", "routes explan DOMAIN", "db migrate --chek"):
        assert not is_known(line.split())
