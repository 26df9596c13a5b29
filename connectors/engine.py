"""The Engine's API as typed calls, for Docker from 17.06 on and for Podman."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec
import trio

from connectors.dial import dial
from connectors.endpoint import Endpoint
from connectors.errors import NotFoundError
from connectors.follow import EventStream, LogStream
from connectors.http import Http
from connectors.logs import MAX_LINE, FramedLogs, RawLogs
from connectors.models import (
    ContainerInspect,
    ContainerSummary,
    ImageInspect,
    ImageSummary,
    Info,
    Stats,
    Version,
)
from connectors.pool import Pool, PoolCounts
from connectors.traffic import Traffic
from connectors.wire import MalformedError

Api = tuple[int, int]

NEWEST_API: Api = (1, 52)
OLDEST_API: Api = (1, 24)
ONE_SHOT_API: Api = (1, 41)

MIB = 1024 * 1024
MAX_LIST = 16 * MIB
MAX_CONTAINERS = 10_000
MAX_INSPECT = 4 * MIB
MAX_STATS = 1 * MIB
MAX_INFO = 4 * MIB

T = TypeVar("T")

_API = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")

_version = msgspec.json.Decoder(Version)
_info = msgspec.json.Decoder(Info)
_containers = msgspec.json.Decoder(list[ContainerSummary])
_inspect = msgspec.json.Decoder(ContainerInspect)
_stats = msgspec.json.Decoder(Stats)
_image_inspect = msgspec.json.Decoder(ImageInspect)
_images = msgspec.json.Decoder(list[ImageSummary])

_RAW_STREAM = b"application/vnd.docker.raw-stream"
_FRAMED_STREAM = b"application/vnd.docker.multiplexed-stream"


@asynccontextmanager
async def open_engine(
    endpoint: Endpoint,
    *,
    limit: int = 32,
    stream_limit: int = 64,
    shared_limiter: trio.CapacityLimiter | None = None,
    connect_timeout: float = 30.0,
    request_timeout: float = 15.0,
    traffic: Traffic | None = None,
) -> AsyncIterator[Engine]:
    """Make a client for one Engine; its connections close when the block is left.

    Nothing is sent before the first call, which should be `negotiate`.

    Args:
        endpoint: Where the Engine answers.
        limit: Short requests in flight at most.
        stream_limit: Event and log streams at most, counted apart.
        shared_limiter: Bounds the short requests of all hosts together.
        connect_timeout: Seconds for a connection, TLS included.
        request_timeout: Seconds for a whole answer, and for silence in a finite log.
        traffic: Where its requests and connections are counted.
    """
    traffic = traffic or Traffic()
    pool = Pool(
        lambda: dial(endpoint, connect_timeout),
        limit=limit,
        stream_limit=stream_limit,
        shared=shared_limiter,
        observe=traffic.observe,
    )
    try:
        with traffic.of(pool):
            yield Engine(Http(endpoint, pool, request_timeout))
    finally:
        pool.close()


class Engine:
    """One Engine. Every method raises `EngineError` and nothing else.

    Attributes:
        host: The host's name in the configuration.
        api: The negotiated API version; None before `negotiate`, when the Engine's newest is used.
    """

    def __init__(self, http: Http) -> None:
        """Speak over `http`."""
        self.host = http.endpoint.host
        self.api: Api | None = None
        self._http = http
        self._prefix = ""

    @property
    def api_version(self) -> str:
        """The negotiated API version as text, empty before `negotiate`."""
        return f"{self.api[0]}.{self.api[1]}" if self.api else ""

    def counts(self) -> PoolCounts:
        """Count connections and requests."""
        return self._http.pool.counts()

    async def negotiate(self) -> Version:
        """Agree on an API version; to be called again after every reconnect.

        The newest that both sides know, from `/_ping`, and never older than what the Engine still
        accepts: Engine 29.0 refused everything before 1.44, and 29.3 took that back.
        """
        self.api, self._prefix = None, ""
        reply = await self._http.get("/_ping", MAX_INFO, "ping")
        version = await self.version()
        offered = reply.headers.get(b"api-version", b"").decode("latin-1") or version.api_version
        with self._http.reading():
            self.api = choose_api(offered, version.min_api_version)
        self._prefix = f"/v{self.api[0]}.{self.api[1]}"
        return version

    async def ping(self) -> float:
        """Return the seconds that the Engine took to answer."""
        begun = perf_counter()
        reply = await self._http.get("/_ping", MAX_INFO, "ping")
        if reply.body.strip() != b"OK":
            raise self._http.broken(
                MalformedError("answers /_ping with something else", reply.body)
            )
        return perf_counter() - begun

    async def version(self) -> Version:
        """Ask for the Engine's version."""
        return await self._get("version", "/version", _version, MAX_INFO)

    async def info(self) -> Info:
        """Ask for the machine and the counts."""
        return await self._get("info", "/info", _info, MAX_INFO)

    async def containers(self, *, all: bool = True) -> list[ContainerSummary]:  # noqa: A002 - the API's word
        """List containers, the stopped ones too unless `all` is false."""
        target = "/containers/json?all=1" if all else "/containers/json"
        found = await self._get("list", target, _containers, MAX_LIST)
        if len(found) > MAX_CONTAINERS:
            what = f"lists {len(found)} containers, of which no host has more than {MAX_CONTAINERS}"
            raise self._http.broken(MalformedError(what))
        return found

    async def inspect(self, container: str) -> ContainerInspect:
        """Ask for all about one container, by id or name.

        Raises:
            NotFoundError: It is gone.
        """
        return await self._get(
            "inspect", f"/containers/{self._segment(container)}/json", _inspect, MAX_INSPECT
        )

    async def stats(self, container: str) -> Stats | None:
        """Take one sample, without the Engine waiting for a second one where it can do so.

        Engines before 25 still wait for their collector's next one-second tick. None when the
        container does not run: Docker then answers a stub of year 1, Podman an empty body.

        Raises:
            NotFoundError: It is gone.
        """
        one_shot = "&one-shot=true" if self.api is None or self.api >= ONE_SHOT_API else ""
        target = f"/containers/{self._segment(container)}/stats?stream=false{one_shot}"
        body = (await self._http.get(self._prefix + target, MAX_STATS, "stats")).body
        stats = self._decoded(_stats, target, body) if body else Stats()
        return stats if stats.read and not stats.read.startswith("0001-") else None

    async def images(self) -> list[ImageSummary]:
        """List images. Can cost an Engine on a containerd store over a second: call rarely."""
        return await self._get("images", "/images/json", _images, MAX_LIST)

    async def inspect_image(self, image: str) -> ImageInspect:
        """Ask what an image is made for, by id.

        Raises:
            NotFoundError: It is gone.
        """
        target = f"/images/{self._segment(image.removeprefix('sha256:'))}/json"
        return await self._get("inspect_image", target, _image_inspect, MAX_INSPECT)

    @asynccontextmanager
    async def events(
        self, since: int | None = None, until: int | None = None
    ) -> AsyncIterator[EventStream]:
        """Subscribe to events; the subscription stands when the block is entered.

        The Engine drops events of subscribers that read slowly: iterate into a buffer.

        Args:
            since: Nanoseconds of the Engine's clock, inclusive; Docker tells at most 256
                past events. Those to come are told whatever their time is.
            until: Nanoseconds at which the stream ends; None goes on for ever.
        """
        # Podman tells only what came after `since`, and reads it as a float (about 240 ns off): ask
        # for a microsecond more, and leave that one out again. Anything older came after the clock
        # had been set back.
        unasked = range(0) if since is None else range(max(since - 1000, 0), since)
        times = {"since": None if since is None else unasked.start, "until": until}
        query = urlencode({name: seconds(at) for name, at in times.items() if at is not None})
        target = f"{self._prefix}/events" + (f"?{query}" if query else "")
        async with self._http.stream(target, is_endless=True) as stream:
            if b"content-length" in stream.headers:
                raise self._http.broken(MalformedError("answers /events with a finite answer"))
            yield EventStream(self._http, stream, unasked)

    @asynccontextmanager
    async def logs(
        self,
        container: str,
        *,
        tty: bool,
        follow: bool = False,
        since: int | None = None,
        until: int | None = None,
        tail: int | None = None,
        timestamps: bool = True,
        line_bytes: int = MAX_LINE,
    ) -> AsyncIterator[LogStream]:
        """Read a container's log, stdout and stderr, as lines.

        Args:
            container: Id or name.
            tty: What `inspect` says in `config.tty`; newer Engines say it in the answer too.
            follow: Go on as long as the container runs.
            since: Nanoseconds, inclusive: drop what was seen.
            until: Nanoseconds.
            tail: Only so many last lines; None for all.
            timestamps: Ask for the time of each line. (Podman cuts long lines of a TTY at no
                certain length, and its times then stay in the text.)
            line_bytes: Where a line is cut.

        Raises:
            NotFoundError: It is gone.
        """
        query = {
            "stdout": "1",
            "stderr": "1",
            "follow": str(int(follow)),
            "timestamps": str(int(timestamps)),
            "tail": "all" if tail is None else str(tail),
        }
        times = {"since": since, "until": until}
        query |= {name: seconds(at) for name, at in times.items() if at is not None}
        target = f"{self._prefix}/containers/{self._segment(container)}/logs?{urlencode(query)}"
        async with self._http.stream(target, is_endless=follow) as stream:
            said = stream.headers.get(b"content-type")
            is_raw = said == _RAW_STREAM or (tty and said != _FRAMED_STREAM)
            reader = RawLogs if is_raw else FramedLogs
            yield LogStream(self._http, stream, reader(timestamps=timestamps, limit=line_bytes))

    def _segment(self, name: str) -> str:
        """Quote an id or a name for one segment of a path, which it can never leave."""
        name = name.removeprefix("/")
        if not name.strip(".") or "/" in name:
            raise NotFoundError(self.host, 404, f"nothing can be called {name!a}")
        return quote(name, safe="")

    async def _get(
        self, call: str, target: str, decoder: msgspec.json.Decoder[T], max_body: int
    ) -> T:
        reply = await self._http.get(self._prefix + target, max_body, call)
        return self._decoded(decoder, target, reply.body)

    def _decoded(self, decoder: msgspec.json.Decoder[T], target: str, body: bytes) -> T:
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            what = f"answers {target.partition('?')[0]} with something else ({error})"
            raise self._http.broken(MalformedError(what, body)) from error


def seconds(nanoseconds: int) -> str:
    """Write a time as the Engine reads it: `seconds.nanoseconds`."""
    return f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}"


def choose_api(newest: str, oldest: str) -> Api:
    """Choose the newest version that we and the Engine know.

    Args:
        newest: The Engine's newest, such as `1.51`.
        oldest: The oldest that it still accepts; empty where it does not tell.

    Raises:
        MalformedError: No version, or one too old for us.
    """
    theirs = _api(newest)
    if theirs < OLDEST_API:
        wanted = f"{OLDEST_API[0]}.{OLDEST_API[1]}"
        raise MalformedError(f"speaks API {newest}, which is older than {wanted}")
    return max(min(theirs, NEWEST_API), _api(oldest) if oldest else OLDEST_API)


def _api(text: str) -> Api:
    found = _API.fullmatch(text)
    if not found:
        raise MalformedError("does not say which API version it speaks", text.encode())
    return int(found[1]), int(found[2])
