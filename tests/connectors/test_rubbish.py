"""Peers that answer as no Engine does: bounded, told apart, and harmless to the next request."""

from contextlib import closing
from pathlib import Path

import pytest
import trio

from connectors.endpoint import Endpoint
from connectors.engine import Engine, choose_api, open_engine
from connectors.errors import (
    ApiStatusError,
    EngineError,
    ProtocolError,
    UnreachableError,
)
from connectors.wire import MalformedError
from tests.lab.fixtures import Lab
from tests.lab.lies import PAST, Lie, LyingEngine
from tests.lab.rubbish import Rubbish, RubbishEngine

MODES = {
    Rubbish.NOT_HTTP: (ProtocolError, "does not speak HTTP: 'SSH-2.0"),
    Rubbish.SILENCE: (UnreachableError, "gave no answer within"),
    Rubbish.CLOSE: (UnreachableError, "closed the connection without an answer"),
    Rubbish.HALF_STATUS_LINE: (ProtocolError, "had sent 11 bytes of an answer after"),
    Rubbish.ENDLESS_HEADERS: (ProtocolError, "bytes of headers"),
    Rubbish.ENDLESS_BODY: (ProtocolError, "sent more than"),
    Rubbish.TINY_CHUNKS: (ProtocolError, "too many tiny chunks"),
    Rubbish.ENDLESS_LINE: (ProtocolError, "bytes of headers"),
    Rubbish.GIANT_LENGTH: (ProtocolError, "malformed length"),
    Rubbish.SHORT_BODY: (ProtocolError, "in the middle of an answer"),
    Rubbish.BAD_CHUNK: (ProtocolError, "malformed chunk: 'zz'"),
    Rubbish.INVALID_JSON: (ProtocolError, "with something else"),
    Rubbish.INVALID_UTF8: (ProtocolError, "with something else"),
    Rubbish.DEEP_JSON: (ProtocolError, "with something else"),
    Rubbish.WRONG_TYPES: (ProtocolError, "with something else"),
    Rubbish.EMPTY_BODY: (ProtocolError, "with something else"),
    Rubbish.DRIP_FEED: (ProtocolError, "bytes of an answer after"),
    Rubbish.SERVER_ERROR: (ApiStatusError, "the disk is on fire"),
    Rubbish.REDIRECT: (ProtocolError, r"redirect \(302\)"),
}

TIMED = (Rubbish.SILENCE, Rubbish.HALF_STATUS_LINE, Rubbish.DRIP_FEED)


def patience(mode: Rubbish) -> float:
    """Seconds for an answer: few where only they end it, else more than a busy machine needs."""
    return 0.6 if mode in TIMED else 10.0


def endpoint(rubbish: RubbishEngine) -> Endpoint:
    assert isinstance(rubbish.address, tuple)
    return Endpoint("liar", address=rubbish.address)


async def follow_events(engine: Engine) -> None:
    async with engine.events() as events:
        async for _ in events:
            pass


async def ask_all(engine: Engine, mode: Rubbish) -> None:
    kind, said = MODES[mode]
    with pytest.raises(kind, match=f"^liar: .*{said}"):
        await engine.inspect("c1")
    # Only `inspect` reads the field with invalid UTF-8, and an empty body is Podman's "no stats".
    if mode not in (Rubbish.INVALID_UTF8, Rubbish.EMPTY_BODY):
        with pytest.raises(kind, match=f"^liar: .*{said}"):
            await engine.stats("c1")


@pytest.mark.parametrize("mode", MODES)
async def test_every_rubbish_is_an_error_of_that_host_within_its_time(
    lab: Lab, mode: Rubbish
) -> None:
    rubbish = lab.rubbish(mode)
    async with open_engine(endpoint(rubbish), request_timeout=patience(mode)) as engine:
        with trio.fail_after(30):
            await ask_all(engine, mode)
        counts = engine.counts()
        assert (counts.active, counts.waiting) == (0, 0)
        assert counts.idle <= 1
        rubbish.mode = Rubbish.ANSWERS_WELL  # and nothing of it disturbs the next answer
        await engine.ping()


@pytest.mark.parametrize("mode", [m for m in MODES if m is not Rubbish.SILENCE])
async def test_rubbish_in_streams_ends_them(lab: Lab, mode: Rubbish) -> None:
    rubbish = lab.rubbish(mode)
    async with open_engine(endpoint(rubbish), request_timeout=patience(mode)) as engine:
        with trio.move_on_after(3 if mode is Rubbish.DRIP_FEED else 30) as scope:
            try:
                await follow_events(engine)
            except EngineError as error:
                assert error.host == "liar"  # noqa: PT017 - which one depends on the mode
        # A stream may be silent or empty, but it never grows without an end.
        assert not scope.cancelled_caught or mode is Rubbish.DRIP_FEED
        assert engine.counts().streams == 0


async def test_lists_that_never_end_are_cut(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.engine.MAX_LIST", 1024 * 1024)
    async with open_engine(endpoint(lab.rubbish(Rubbish.ENDLESS_BODY))) as engine:
        with pytest.raises(ProtocolError, match="sent more than 1048576 bytes"):
            await engine.containers()


async def test_lists_of_more_containers_than_a_host_has_are_refused() -> None:
    with closing(LyingEngine(Lie.LIST_MANY)) as liar:
        async with open_engine(endpoint(liar)) as engine:
            with pytest.raises(ProtocolError, match="lists 100000 containers"):
                await engine.containers()


async def test_events_are_told_after_the_clock_was_set_back() -> None:
    """All but those of the microsecond more that is asked for, which Podman needs."""
    with closing(LyingEngine(Lie.EVENT_PAST)) as liar:
        async with open_engine(endpoint(liar)) as engine, engine.events(since=PAST) as events:
            with trio.fail_after(10):
                seen = [(await anext(events)).time_nano for _ in range(5)]
    assert seen == [PAST + 1, PAST - 7200 * 10**9, PAST - 1001, PAST, 0]


async def test_an_api_too_old_is_told(lab: Lab) -> None:
    rubbish = lab.rubbish(Rubbish.OLD_API)
    async with open_engine(endpoint(rubbish), request_timeout=2) as engine:
        with pytest.raises(ProtocolError, match=r"^liar: "):
            await engine.negotiate()


async def test_a_ping_that_is_not_ok_is_no_ping(lab: Lab) -> None:
    async with open_engine(endpoint(lab.rubbish(Rubbish.INVALID_JSON))) as engine:
        with pytest.raises(ProtocolError, match="/_ping"):
            await engine.ping()


async def test_nobody_there_is_told_with_the_next_step(lab: Lab) -> None:
    rubbish = lab.rubbish()
    rubbish.close()
    async with open_engine(endpoint(rubbish)) as engine:
        with pytest.raises(UnreachableError, match=r"^liar: nobody listens at 127.0.0.1:\d+ \("):
            await engine.ping()


async def test_an_unknown_name_is_told() -> None:
    address = ("no-such-name.invalid", 2375)
    async with open_engine(Endpoint("nameless", address=address)) as engine:
        with pytest.raises(UnreachableError, match=r"^nameless: the name of"):
            await engine.ping()


async def test_an_absent_socket_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "no.sock"
    async with open_engine(Endpoint("gone", uds=missing)) as engine:
        with pytest.raises(UnreachableError, match=r"no socket .*no\.sock \(is the Engine"):
            await engine.ping()


@pytest.mark.parametrize("text", ["", "1", "1.", "one.two", "1.²", "1.5\n", "1." + "9" * 5000])
def test_what_is_no_api_version_is_told(text: str) -> None:
    with pytest.raises(MalformedError, match="which API version"):
        choose_api(text, "")
    with pytest.raises(MalformedError, match="which API version"):
        choose_api("1.41", text or "x")
