"""One site and one browser for all of them; a visit of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.pages.browsing import Visit, open_browser
from tests.pages.site import Site, open_site

Visiting = Callable[..., Visit]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(open_browser())
        except MissingPartError as error:
            skip_or_fail(str(error))
        yield browser


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    with ExitStack() as stack:
        try:
            found = stack.enter_context(open_site())
        except MissingPartError as error:
            skip_or_fail(str(error))
        yield found


@pytest.fixture
def visiting(chromium: Browser, site: Site) -> Iterator[Visiting]:
    """Makes visits: `visiting(width=360, dark=True)`. At the end no browser may have complained."""
    visits: list[Visit] = []
    with ExitStack() as stack:

        def visit(*, width: int = 1280, height: int = 900, dark: bool = False) -> Visit:
            context = chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                timezone_id="Europe/Berlin",
                reduced_motion="reduce",
            )
            stack.callback(context.close)
            visits.append(Visit(context.new_page(), site.origin))
            return visits[-1]

        yield visit
    assert [complaint for visit in visits for complaint in visit.unexpected()] == []
