from __future__ import annotations

import pytest

from fleet.cli.log_output import tame


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"plain \xc3\xa4\ttext", b"plain \xc3\xa4\ttext"),
        (b"\x1b[1;31mred\x1b[0m", b"\x1b[1;31mred\x1b[0m"),
        (b"a\x1b]0;title\x07b", b"ab"),
        (b"a\x1b]8;;http://x\x1b\\link", b"alink"),
        (b"a\x1bPq#0;2\x1b\\b", b"ab"),
        (b"a\x1b[2J\x1b[Hb", b"ab"),
        (b"progress\rdone", b"progressdone"),
        (b"a\x1bcb", b"ab"),
        (b"ends in \x1b", b"ends in "),
        (b"\xc2\x9b2J\x00\x08\x7f", b"2J"),
        (b"\xff\xfe", b"\xff\xfe"),
    ],
)
def test_a_log_line_cannot_drive_the_terminal(line: bytes, shown: bytes) -> None:
    assert tame(line) == shown
