"""How pages are declared: not part of the API, and what goes wrong is told as a page."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from litestar import get, post
from litestar.params import QueryParameter

from web.pages.failing import answer_page

page_at = partial(get, include_in_schema=False, exception_handlers={Exception: answer_page})
"""Decorates the handler of a page; takes its path, and `opt` as all handlers."""

post_at = partial(
    post,
    status_code=200,
    include_in_schema=False,
    exception_handlers={Exception: answer_page},
)
"""Decorates what a form of a page is sent to."""

stream_at = partial(get, include_in_schema=False)
"""Decorates the handler of a stream of regions."""

Seen = Annotated[str | None, QueryParameter(name="seen", description="the digest of what is shown")]
