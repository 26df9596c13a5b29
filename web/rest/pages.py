"""One page of a list, and the way to the next one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar.response.base import ASGIResponse

from web.documents import Document, Page
from web.problems import Problem, bad_parameter
from web.rest.fields import reader_of
from web.rest.order import Order
from web.sources import WebRequest

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


class Paged(Protocol):
    """How any list was cut, whether it was counted or not."""

    @property
    def next(self) -> str | None:
        """The cursor of the next page."""
        ...


class Cut(NamedTuple):
    """Which page is wanted: so many, from a place in the list or behind a cursor."""

    limit: int
    offset: int = 0
    cursor: str | None = None


def cut_page(
    found: Sequence[T], order: Order[T], cut: Cut, *, ordered: bool = False
) -> tuple[Sequence[T], Page]:
    """One page of what was found, and how it was cut.

    Args:
        found: All that matches.
        order: The order that is wanted.
        cut: Which page.
        ordered: Whether it is in the natural order already.

    Raises:
        Problem: The cursor is none of this list in this order, or stands beside an offset (400).
    """
    if cut.cursor is not None and cut.offset:
        raise Problem("bad-parameter", "Give `cursor` or `offset`, not both.", parameter="offset")
    if not (ordered and order.natural):
        found = sorted(found, key=order.place)
    begin = cut.offset
    if cut.cursor is not None:
        begin = _behind(found, order, cut.cursor)
    items = found[begin : begin + cut.limit]
    more = begin + len(items) < len(found)
    written = order.write(items[-1]) if items and more else None
    return items, Page(total=len(found), offset=begin, limit=cut.limit, next=written)


def _behind(found: Sequence[T], order: Order[T], cursor: str) -> int:
    """The index of the first item behind a cursor."""
    place = order.read(cursor)
    try:
        return bisect_right(found, place, key=order.place)
    except TypeError as error:  # a number where there are words, say
        raise bad_parameter("cursor", cursor) from error


def page_answer(
    request: WebRequest,
    document: Document,
    page: Paged | None,
    name: str,
    fields: str | None = None,
) -> ASGIResponse:
    """A document with a page of items, only with some of their fields if so asked.

    Args:
        request: What was asked.
        document: The whole answer.
        page: How the list was cut; if there is a next page, a `Link` header leads there.
        name: The document's field with the items.
        fields: The fields that are wanted; None for all.

    Raises:
        Problem: A field is not there (400).
    """
    after = None if page is None else page.next
    headers = {} if after is None else {"link": f'<?{_query(request, after)}>; rel="next"'}
    body = _encoder.encode(document if fields is None else _sparse(document, name, fields))
    return ASGIResponse(body=body, media_type="application/json", headers=headers)


def _sparse(document: Document, name: str, fields: str) -> dict[str, Any]:
    read = reader_of(fields, item_type(type(document), name))
    whole = {field: getattr(document, field) for field in document.__struct_fields__}
    return {**whole, name: [read(item) for item in whole[name]]}


def item_type(document: type[Document], name: str) -> type[Document]:
    """What a document's field holds many of."""
    for field in msgspec.structs.fields(document):
        if field.name == name:
            item: type[Document] = field.type.__args__[0]
            return item
    raise AssertionError(f"{document.__name__} has no field {name}")


def _query(request: WebRequest, after: str) -> str:
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    kept = [pair for pair in pairs if pair[0] not in ("cursor", "offset")]
    return urlencode([*kept, ("cursor", after)])
