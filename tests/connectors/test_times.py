from datetime import UTC, datetime

import pytest

from connectors.times import parse_time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-21T07:27:08.846901745Z", datetime(2026, 11, 21, 7, 27, 8, 846901, UTC)),
        ("2026-11-21T07:27:08.84Z", datetime(2026, 11, 21, 7, 27, 8, 840000, UTC)),
        ("2026-11-21T08:27:08.5+01:00", datetime(2026, 11, 21, 7, 27, 8, 500000, UTC)),
        ("2026-11-21T07:27:08Z", datetime(2026, 11, 21, 7, 27, 8, 0, UTC)),
    ],
)
def test_times_are_read_to_the_microsecond(text: str, time: datetime) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0001-01-01T00:00:00Z",
        "noon",
        "2026-13-01T00:00:00Z",
        "9999-12-31T23:59:59-23:00",
        "00010101T000000+01:00",
        "\0",
        "9" * 5000,
    ],
)
def test_never_and_nonsense_are_none(text: str) -> None:
    assert parse_time(text) is None
