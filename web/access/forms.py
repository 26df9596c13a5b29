"""Forms and JSON that people send: read within bounds, and never echoed into a log."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from web.access.csrf import FIELD, HEADER, check_token
from web.access.model import access_of
from web.problems import Problem
from web.revp.bodies import content_type, read_body
from web.sources import WebRequest

T = TypeVar("T", bound=msgspec.Struct)

MOST_BYTES = 16 * 1024
MOST_FIELDS = 20
FORM_TYPE = "application/x-www-form-urlencoded"
JSON_TYPE = "application/json"


async def read_form(
    request: WebRequest, *, with_token: bool = True, most: int = MOST_BYTES
) -> dict[str, str]:
    """The fields of a form, each once.

    Args:
        request: Whose body it is.
        with_token: With a session its token must be among them.
        most: Bytes that it may have.

    Raises:
        Problem: It is no form (415), malformed (400), too long or slow, or without the token (403).
    """
    if content_type(request) != FORM_TYPE:
        raise Problem("unsupported-media-type", f"This takes a form ({FORM_TYPE}).")
    body = await read_body(request, most)
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:  # not chained: it holds what was sent
        raise Problem("bad-body", "This is no form in UTF-8.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Problem("bad-body", "A field stands more than once in the form.")
    access = access_of(request)
    if with_token and access is not None and access.kind == "session":
        check_token(request.scope, request.headers.get(HEADER) or fields.get(FIELD, ""))
    return fields


async def read_json(request: WebRequest, kind: type[T]) -> T:
    """A JSON document.

    Raises:
        Problem: It is none (415), or not as it must be (400); too long or slow.
    """
    if content_type(request) != JSON_TYPE:
        raise Problem("unsupported-media-type", f"This takes JSON ({JSON_TYPE}).")
    body = await read_body(request, MOST_BYTES)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Problem("bad-body", f"The body is not as it must be: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem("bad-body", "The body is no JSON.") from None
