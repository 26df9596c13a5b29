from __future__ import annotations

import pytest

from connectors.errors import ApiStatusError, EngineError, UnreachableError

ODD = "\x1b]0;pwned\x07\x1b[2J\r\n\tall\0 is\x9b1m \u202ewell\ud800 \u2028ü\x7f"
SHOWN = r"\x1b]0;pwned\x07\x1b[2J   all\x00 is\x9b1m \u202ewell\ud800  ü\x7f"


@pytest.mark.parametrize("error", [EngineError("h", ODD, ODD), ApiStatusError("h", 500, ODD, ODD)])
def test_what_strangers_say_does_nothing_to_a_terminal(error: EngineError) -> None:
    assert (error.what, error.hint) == (SHOWN, SHOWN)
    assert str(error) == f"h: {SHOWN} ({SHOWN})"
    assert str(error).isprintable()


@pytest.mark.parametrize("text", ["x" * 10**6, "\x1b" * 10**6, "\n" * 1001])
def test_what_strangers_say_is_bounded(text: str) -> None:
    error = UnreachableError("h", text, text)
    assert len(error.what) == len(error.hint) == 1000
    assert error.what.endswith("...")
    assert str(error).isprintable()


def test_what_we_say_stays_as_it_is() -> None:
    error = UnreachableError("h", "nobody listens at [::1]:2375", "is the Engine running?")
    assert str(error) == "h: nobody listens at [::1]:2375 (is the Engine running?)"
    assert str(UnreachableError("h", "x" * 1000)) == "h: " + "x" * 1000
    assert EngineError("h", "gone").hint == ""
