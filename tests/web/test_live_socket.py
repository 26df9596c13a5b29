from __future__ import annotations

import base64

import pytest
import trio

from tests.web.live_in_memory import LiveInMemory
from tests.web.live_serving import LiveServed, connect_small
from tests.web.reading import RUN, until
from tests.web.ws import Closed, Refused, converse
from web.live.admission import PROTOCOL, TOKEN_PREFIX, offered_token
from web.live.socket import MAX_MESSAGE, MOST_SUBSCRIPTIONS
from web.parameters import MOST_VALUES

TOKEN = "token/+?"


@pytest.fixture
async def server(live: LiveInMemory, nursery: trio.Nursery) -> str:
    address: str = await nursery.start(LiveServed(live, max_streams=2).run)
    return address


async def test_several_subscriptions_share_a_connection(server: str, live: LiveInMemory) -> None:
    live.host("one")
    live.container("a", labels={"site": "fra"})
    async with converse(server) as socket:
        assert not socket.accepted.extensions, "nothing is compressed"
        await socket.say(subscribe="hosts", id=1)
        assert await socket.next() == {"type": "subscribed", "id": 1}
        snapshot = await socket.next()
        assert (snapshot["type"], snapshot["id"], snapshot["more"]) == ("snapshot", 1, False)
        assert snapshot["place"] == f"1-{RUN}"
        await socket.say(subscribe="containers", id="c", filter={"label": ["site"]}, snapshot=False)
        assert await socket.next() == {"type": "subscribed", "id": "c"}
        live.container("b")
        live.container("a", "paused", labels={"site": "fra"})
        changed = await socket.next()
        assert (changed["type"], changed["id"], changed["place"]) == ("changed", "c", f"3-{RUN}")
        live.remove("a")
        assert (await socket.next())["type"] == "removed"
        await socket.say(unsubscribe="c")
        assert await socket.next() == {"type": "unsubscribed", "id": "c"}
        live.container("a", labels={"site": "fra"})
        live.host("one", "down")
        assert (await socket.next())["id"] == 1


async def test_a_subscription_resumes_and_a_bad_place_is_a_gap(
    server: str, live: LiveInMemory
) -> None:
    for state in ("a", "b", "c"):
        live.container("x", state)
    async with converse(server) as socket:
        await socket.say(subscribe="containers", id=1, after=f"1-{RUN}")
        told = [await socket.next() for _ in range(3)]
        assert [one["type"] for one in told] == ["subscribed", "skipped", "changed"]
        assert told[1]["skipped"] == 1
        await socket.say(subscribe="containers", id=2, after="1-0")
        told = [await socket.next() for _ in range(3)]
        assert [one["type"] for one in told] == ["subscribed", "gap", "snapshot"]


async def test_a_large_snapshot_comes_in_pieces(server: str, live: LiveInMemory) -> None:
    for number in range(200):
        live.container(f"c{number}", padding=2000)
    async with converse(server) as socket:
        await socket.say(subscribe="containers", id=1)
        assert (await socket.next())["type"] == "subscribed"
        names, pieces, more = set(), 0, True
        while more:
            piece = await socket.next()
            assert isinstance(piece["data"], dict)
            names |= {one["name"] for one in piece["data"]["containers"]}
            pieces, more = pieces + 1, bool(piece["more"])
        assert len(names) == 200
        assert pieces > 3


async def test_a_slow_client_gets_the_newest_state_of_each(server: str, live: LiveInMemory) -> None:
    async with converse(server) as socket:
        await socket.say(subscribe="containers", id=1, snapshot=False)
        await socket.next()
        live.container("big", padding=300_000)
        await until(lambda: live.described == 1)
        for number in range(100):
            live.container("a", f"a{number}")
        assert (await socket.next())["type"] == "changed"
        assert (await socket.next())["skipped"] == 99
        last = await socket.next()
        assert isinstance(last["data"], dict)
        assert last["data"]["state"] == "a99"
        assert live.described == 2


async def test_mistakes_are_explained_and_the_connection_goes_on(server: str) -> None:
    async with converse(server) as socket:
        for text in ("", "{", "[]", '{"subscribe":"nothing","id":1}', '{"x":1}', '{"id":1}'):
            await socket.say_text(text)
            assert (await socket.next())["type"] == "error"
        await socket.say_bytes(b"\xff")
        assert (await socket.next())["type"] == "error"
        await socket.say(subscribe="hosts", id=1, filter={"host": ["onr"]})
        assert "Did you mean one" in str((await socket.next())["detail"])
        for subject in ("hosts", "events"):
            await socket.say(subscribe=subject, id=1, filter={"host": ["one"] * (MOST_VALUES + 1)})
            assert "length <= 200" in str((await socket.next())["detail"])
        for number in range(MOST_SUBSCRIPTIONS):
            await socket.say(subscribe="hosts", id=number, snapshot=False)
            assert (await socket.next())["type"] == "subscribed"
        for again in (0, MOST_SUBSCRIPTIONS):
            await socket.say(subscribe="hosts", id=again)
            assert (await socket.next())["type"] == "error"
        await socket.say(ping=7)
        assert await socket.next() == {"type": "pong", "id": 7}


async def test_a_message_that_is_too_long_ends_the_connection(
    server: str,
) -> None:
    async with converse(server) as socket:
        await socket.say_text("x" * (MAX_MESSAGE + 1))
        with pytest.raises(Closed) as closed:
            await socket.next()
        assert closed.value.code == 1009


async def test_who_may_not_is_refused_with_a_problem(server: str) -> None:
    refused = [
        ({"host": "evil.example"}, 421, "wrong-host-header"),
        ({"headers": [(b"origin", b"http://evil.example")]}, 403, "wrong-origin"),
        ({"headers": [(b"origin", b"http://localhost:99")]}, 403, "wrong-origin"),
        ({"headers": [(b"origin", b"null")]}, 403, "wrong-origin"),
        ({"headers": [(b"origin", b"http://[")]}, 403, "wrong-origin"),
    ]
    for how, status, kind in refused:
        with pytest.raises(Refused) as refusal:
            async with converse(server, **how):  # type: ignore[arg-type]  # one of its arguments
                pass
        assert refusal.value.status == status
        assert refusal.value.problem["type"] == f"urn:fleet:problem:{kind}"
    with pytest.raises(Refused) as refusal:
        async with converse(server, path="/api/hosts"):
            pass
    assert refusal.value.status == 403
    async with converse(server, headers=[(b"origin", b"http://LOCALHOST")]) as socket:
        await socket.say(ping=1)
        assert (await socket.next())["type"] == "pong"


async def test_a_token_comes_as_header_or_as_subprotocol(nursery: trio.Nursery) -> None:
    served = LiveServed(LiveInMemory(), token=TOKEN, max_streams=1)
    address: str = await nursery.start(served.run)
    right = TOKEN_PREFIX + base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    wrong = TOKEN_PREFIX + base64.urlsafe_b64encode(b"wrong").decode()
    for protocols in ([], [PROTOCOL], [PROTOCOL, wrong.rstrip("=")], [TOKEN_PREFIX + "rubbish"]):
        with pytest.raises(Refused) as refusal:
            async with converse(address, protocols=protocols):
                pass
        assert refusal.value.status == 401
    async with converse(address, protocols=[PROTOCOL, right]) as socket:
        assert socket.accepted.subprotocol == PROTOCOL, "and never the token"
        with pytest.raises(Refused) as refusal:
            async with converse(address, protocols=[PROTOCOL, right]):
                pass
        assert refusal.value.problem["type"] == "urn:fleet:problem:too-many-streams"
    await until(lambda: len(served.app.streams) == 0)
    header = [(b"authorization", f"Bearer {TOKEN}".encode())]
    async with converse(address, headers=header) as socket:
        assert socket.accepted.subprotocol is None


async def test_pings_find_clients_that_are_gone(nursery: trio.Nursery) -> None:
    served = LiveServed(LiveInMemory(), ping=1.5)
    address: str = await nursery.start(served.run)
    async with converse(address) as alive, converse(address) as gone:
        nursery.start_soon(alive.next)  # answers pings meanwhile
        gone.answers_pings = False
        with pytest.raises(Closed):
            await gone.next()
        assert gone.pings >= 2
        await until(lambda: alive.pings > gone.pings + 2)
        assert len(served.app.streams) == 1
        nursery.cancel_scope.cancel()


async def test_a_client_that_reads_nothing_is_cut_off(nursery: trio.Nursery) -> None:
    live = LiveInMemory()
    served = LiveServed(live, write_timeout=0.3)
    address: str = await nursery.start(served.run)
    live.container("big", padding=1_000_000)
    async with converse(address) as socket:
        await socket.say(subscribe="containers", id=1)
        await until(lambda: len(served.app.streams) == 0)


async def test_the_end_of_the_server_is_told_to_all(nursery: trio.Nursery) -> None:
    served = LiveServed(LiveInMemory())
    address: str = await nursery.start(served.run)
    async with converse(address) as one, converse(address) as two, await connect_small(address):
        await one.say(subscribe="hosts", id=1)
        for _ in range(2):
            await one.next()
        served.scope.cancel()
        for socket in (one, two):
            with pytest.raises(Closed) as closed:
                await socket.next()
            assert closed.value.code == 1001
    with trio.fail_after(20):
        await served.ended.wait()


def test_a_token_among_the_subprotocols() -> None:
    assert offered_token([]) is None
    assert offered_token([PROTOCOL, TOKEN_PREFIX + "YQ"]) == "a"
    assert offered_token([TOKEN_PREFIX + "*"]) is None
    assert offered_token([TOKEN_PREFIX + "_w"]) is None
