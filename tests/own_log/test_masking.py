from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.own_log.masking import is_secret_key, masked

SECRET = "S3cr3tS3cr3tS3cr3tS3cr3tS3cr3t"
BASIC = base64.b64encode(f"user:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token fleet_abcde23456_{SECRET} is unknown", "token fleet_abcde23456_*** is unknown"),
        (f"fleet.v1, fleet.bearer.{BASIC}", "fleet.v1, fleet.bearer.***"),
        (f"Authorization: Bearer {SECRET}\r\nHost: a", "Authorization: ***\r\nHost: a"),
        (f"{{'authorization': 'Basic {BASIC}'}}", "{'authorization': '***'}"),
        (f"(b'authorization', b'Bearer {SECRET}')", "(b'authorization', b'***')"),
        (f"sent Bearer {SECRET}.", "sent Bearer ***"),
        (f"Cookie: fleet={SECRET}; a=b", "Cookie: ***"),
        (f"postgresql://fleet:{SECRET}@db:5432/fleet", "postgresql://fleet:***@db:5432/fleet"),
        (f"redis://:{SECRET}@cache/0", "redis://:***@cache/0"),
        (f"https://a.lan/?password={SECRET}&x=1", "https://a.lan/?password=***&x=1"),
        (f"host=db password='{SECRET}' user=a", "host=db password=*** user=a"),
        (f"/callback?access_token={SECRET}", "/callback?access_token=***"),
        (f'{{"client_secret": "{SECRET}"}}', '{"client_secret": "***"}'),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "edge-1: up after 3 failed attempts",
        "PostgreSQL at fleet@db.lan:5432/fleet gave no answer",
        "ssh://fleet@10.0.0.5:22 refuses the password",
        "the token_file /run/secrets/token cannot be read",
        "Send the configured token as a bearer token",
        "http://127.0.0.1:8080/api/containers?label=site=fra",
        "fleet_storage_queued_rows is 12",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        *(("password", True), ("db_password", True), ("Authorization", True), ("token", True)),
        *(("passed", False), ("tokens", False), ("host", False), ("secretary", False)),
    ],
)
def test_keys_that_name_secrets(key: str, secret: bool) -> None:
    assert is_secret_key(key) is secret


@given(
    before=st.text(st.characters(max_codepoint=0x2FF), max_size=20),
    after=st.text(alphabet=" \n&\"'", max_size=4),
)
@settings(derandomize=True, deadline=None, max_examples=50)
def test_a_token_is_masked_wherever_it_stands(before: str, after: str) -> None:
    assert SECRET not in masked(f"{before} fleet_abcde23456_{SECRET}{after}")
    assert SECRET not in masked(f"{before} postgresql://u:{SECRET}@h/d{after}")
