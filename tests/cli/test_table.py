import pytest

from fleet.cli.table import Column, Table, cell, fitting, plain_lines

COLUMNS = (
    Column("NAME", least=8),
    Column("STATE"),
    Column("IMAGE", rank=2, least=6),
    Column("AGE", rank=1, right=True),
)
TABLE = Table(COLUMNS, [[cell("a-long-name-of-a-host"), cell("up"), cell("busybox:1"), cell("5m")]])


def widths(space: int) -> dict[str, int]:
    return {COLUMNS[at].title: need for at, need in fitting(TABLE, space)}


def test_everything_is_shown_whole_where_there_is_room() -> None:
    assert widths(80) == {"NAME": 21, "STATE": 5, "IMAGE": 9, "AGE": 3}


def test_columns_are_cut_before_any_is_dropped_and_room_is_never_wasted() -> None:
    assert widths(43) == {"NAME": 21, "STATE": 5, "IMAGE": 8, "AGE": 3}
    assert widths(28) == {"NAME": 8, "STATE": 5, "IMAGE": 6, "AGE": 3}


def test_the_least_important_column_goes_first() -> None:
    assert widths(27) == {"NAME": 15, "STATE": 5, "AGE": 3}
    assert widths(19) == {"NAME": 12, "STATE": 5}


@pytest.mark.parametrize("space", range(15, 60))
def test_no_line_is_ever_wider_than_the_terminal(space: int) -> None:
    chosen = fitting(TABLE, space)
    assert sum(need for _, need in chosen) + 2 * (len(chosen) - 1) <= space


def test_plain_lines_are_aligned_and_whole() -> None:
    assert list(plain_lines(TABLE)) == [
        "NAME                   STATE  IMAGE      AGE",
        "a-long-name-of-a-host  up     busybox:1   5m",
    ]


def test_what_is_not_known_is_a_dash() -> None:
    assert cell(None).text == cell("").text == "-"
    assert cell(0).text == "0"


def test_texts_of_others_cannot_drive_the_terminal() -> None:
    assert cell("a\x1b[2Jb\nc\x9bd").text == "a.[2Jb.c.d"
