from __future__ import annotations

from pathlib import Path

import pytest

from config.secrets import SecretError, read_secret


@pytest.mark.parametrize(
    ("written", "secret"),
    [
        (b"s", "s"),
        (b"s\n", "s"),
        (b"s\n\n", "s\n"),
        (b"s\r\n", "s"),
        (b" s ", " s "),
        (b"\xc3\xa4", "ä"),
    ],
)
def test_one_newline_is_not_part_of_the_secret(tmp_path: Path, written: bytes, secret: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(written)
    assert read_secret(file, None, {}) == secret


def test_it_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for secret in ("one", "two"):
        file.write_text(secret)
        assert read_secret(file, None, {}) == secret


def test_from_the_environment_as_it_is() -> None:
    assert read_secret(None, "PW", {"PW": "x\n"}) == "x\n"
    assert read_secret(None, None, {"PW": "x"}) is None


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"\n", "is empty"),
        (b"hunter2\xff", "not UTF-8"),
        (b"x" * 70_000, "larger than"),
    ],
    ids=["missing", "empty", "binary", "large"],
)
def test_what_is_no_secret(tmp_path: Path, written: bytes | None, words: str) -> None:
    file = tmp_path / "secret"
    if written is not None:
        file.write_bytes(written)
    with pytest.raises(SecretError, match=words) as caught:
        read_secret(file, None, {})
    assert str(file) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_unset_variable() -> None:
    with pytest.raises(SecretError, match="environment variable PW"):
        read_secret(None, "PW", {})
