"""What is asked of this server, counted by route; a few numbers for each, whatever is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import cast

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from web.exposition.instruments import SECONDS, Histograms
from web.exposition.text import Family
from web.sse import is_stream
from web.streams import Streams

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
UNROUTED = "none"  # refused at the gate, or nothing is there


class HttpInstruments:
    """Counts requests around the gate; the router notes which of its routes each one took.

    Attributes:
        others: What else tells of this server; asked at each scrape.
        together: Puts it together with what others tell, where several processes serve.
    """

    def __init__(self, streams: Streams) -> None:
        self.others: list[Callable[[], list[Family]]] = []
        self.together: Callable[[list[Family]], list[Family]] = lambda own: own
        self._streams = streams
        self._requests: Counter[tuple[str, str, int]] = Counter()  # method, route, status
        self._seconds = Histograms(SECONDS)
        self._in_flight = 0

    def around_all(self, app: ASGIApp) -> ASGIApp:
        """Count every request, also what the gate refuses."""

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            kind: str = scope["type"]
            if kind != "http":
                await app(scope, receive, send)
                return
            asked = cast("HTTPScope", scope)  # its type says so
            status, route, waits = 0, UNROUTED, b"wait=" in scope["query_string"]

            async def send_counting(message: Message) -> None:
                nonlocal status, route, waits
                if message["type"] == "http.response.start":
                    status, route = message["status"], route_of(scope) or UNROUTED
                    waits = waits or is_stream(message["headers"])
                    self._requests[_method(asked), route, status] += 1
                await send(message)

            began = perf_counter()
            self._in_flight += 1
            try:
                await app(scope, receive, send_counting)
            finally:
                self._in_flight -= 1
                if status and not waits:  # a stream lasts as long as its client likes
                    self._seconds.observe(route, perf_counter() - began)

        return counting

    def shown(self) -> list[Family]:
        """What a scrape is told."""
        return self.together(self.families())

    def families(self) -> list[Family]:
        """Requests, how long they took, and live streams."""
        requests = Family("fleet_http_requests", "counter", "Requests to the HTTP API.")
        for (method, route, status), count in self._requests.items():
            requests.add(count, method=method, route=route, status=str(status))
        seconds = Family(
            "fleet_http_request_duration_seconds",
            "histogram",
            "Time from a request to the end of its answer; without live streams and waiting.",
        )
        for route, histogram in self._seconds.by_word.items():
            seconds.add_histogram(histogram, route=route)
        return [
            requests,
            seconds,
            Family("fleet_http_requests_in_flight", "gauge", "Requests being answered now.").add(
                self._in_flight
            ),
            Family("fleet_http_streams", "gauge", "Live streams and waiting requests now.").add(
                len(self._streams)
            ),
            Family("fleet_http_streams_limit", "gauge", "Live streams there may be.").add(
                self._streams.limit
            ),
            Family(
                "fleet_http_streams_refused", "counter", "Live streams refused for want of a place."
            ).add(self._streams.refused),
            *(family for families in self.others for family in families()),
        ]


def route_of(scope: Scope) -> str | None:
    """The route that a request took, as its handler is declared; None where there was none.

    Of a scope that the gate was called with, once the answer has begun.
    """
    return cast("dict[str, str]", scope).get("path_template")


def _method(scope: HTTPScope) -> str:
    return scope["method"] if scope["method"] in METHODS else "other"
