from __future__ import annotations

import trio
import trio.testing

from tests.web.fleet_in_memory import START
from web.documents import HostDocument
from web.live.ledger import CALLED_AT_ONCE, Ledger, Subject


def put(ledger: Ledger, name: str) -> None:
    document = HostDocument(
        name=name, connection="local", target="unix:///x", status="up", since=START
    )
    ledger.put(name, Subject(type="host", host=name), lambda: document)


def keys(ledger: Ledger, version: int) -> list[object]:
    return [entry.key for entry in ledger.since(version)]


def test_what_changed_since_is_each_thing_once_by_its_last_change() -> None:
    ledger = Ledger("hosts")
    for name in "abcab":
        put(ledger, name)
    assert keys(ledger, 0) == ["c", "a", "b"]
    assert keys(ledger, 3) == ["a", "b"]
    assert keys(ledger, 5) == []
    ledger.remove("c")
    ledger.remove("never seen")
    assert keys(ledger, 4) == ["b", "c"]
    assert [entry.key for entry in ledger.present()] == ["a", "b"]
    put(ledger, "c")
    assert [entry.gone for entry in ledger.since(5)] == [False]


def test_what_is_skipped_is_counted_as_far_as_is_remembered() -> None:
    ledger = Ledger("hosts", remembered=6)
    for name in "abaabb":
        put(ledger, name)
    newest = ledger.since(0)
    wanted = [entry for entry in newest if entry.key == "a"]
    assert ledger.skipped(0, 2, newest) == 4
    assert ledger.skipped(0, 2, wanted) == 2
    assert ledger.skipped(4, 1, []) == 0
    assert ledger.skipped(3, 2, wanted) == 0
    put(ledger, "c")
    assert ledger.skipped(0, 3, wanted) is None
    assert ledger.skipped(0, 3, ledger.since(0)) == 4


def test_the_gone_are_forgotten_beyond_a_bound() -> None:
    ledger = Ledger("hosts", gone=2)
    for name in "abcd":
        put(ledger, name)
    for name in "abc":
        ledger.remove(name)
    assert ledger.oldest == 5
    assert keys(ledger, 0) == ["d", "b", "c"]
    put(ledger, "b")
    ledger.remove("d")
    assert ledger.oldest == 5, "one of the two that were gone came back"


async def test_one_change_wakes_all_who_wait(nursery: trio.Nursery) -> None:
    ledger = Ledger("hosts")
    woken = 0

    async def read() -> None:
        nonlocal woken
        await ledger.beyond(0)
        woken += 1

    for _ in range(3 * CALLED_AT_ONCE):
        nursery.start_soon(read)
    await trio.testing.wait_all_tasks_blocked()
    put(ledger, "a")
    await trio.testing.wait_all_tasks_blocked()
    assert woken == 3 * CALLED_AT_ONCE


async def test_who_leaves_while_calling_others_calls_them_first() -> None:
    ledger = Ledger("hosts")
    woken = 0

    async def read() -> None:
        nonlocal woken
        await ledger.beyond(0)
        woken += 1

    async def read_first() -> None:
        with trio.CancelScope() as scope:
            scopes.append(scope)
            await read()

    scopes: list[trio.CancelScope] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_first)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3 * CALLED_AT_ONCE):
            nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        put(ledger, "a")
        scopes[0].cancel()
        with trio.move_on_after(20) as patience:
            await trio.testing.wait_all_tasks_blocked()
        assert not patience.cancelled_caught
        nursery.cancel_scope.cancel()
    assert woken == 3 * CALLED_AT_ONCE
