"""The relay and the rubbish Engine do what they are named for."""

import http.client
import socket
import time

import pytest

from tests.lab.engines import Engine, answers
from tests.lab.fixtures import Lab
from tests.lab.rubbish import Rubbish
from tests.lab.runs import new_part
from tests.lab.waiting import wait_until


def test_a_relay_delays_stalls_cuts_and_refuses(lab: Lab, engine_2010: Engine) -> None:
    path = new_part("r") / "s"
    relay = lab.relay(engine_2010.socket, path)
    assert answers(path)
    relay.delay = 0.2
    begun = time.monotonic()
    assert answers(path)
    assert time.monotonic() - begun >= 0.4, "once there and once back"
    relay.delay = 0.0
    relay.stall()
    assert not answers(path, timeout=0.3)
    relay.flow()
    assert answers(path)
    wait_until(lambda: relay.connections == 0, "earlier connections have ended")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.settimeout(5)
        wait_until(lambda: relay.connections == 2, "the relay serves the client")
        relay.refuse()
        assert not path.exists()
        relay.cut()
        assert client.recv(1) == b""
    relay.accept_again()
    assert answers(path)


def test_a_throttled_relay_keeps_its_rate(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        relay = lab.relay(server.getsockname()[:2])
        relay.rate = 20_000
        assert isinstance(relay.address, tuple)
        with socket.create_connection(relay.address, 5) as client:
            client.sendall(b"x" * 10_000)
            far, _ = server.accept()
            with far:
                begun = time.monotonic()
                left = 10_000
                while left:
                    left -= len(far.recv(65536))
                assert 0.3 < time.monotonic() - begun < 20


def _get(address: tuple[str, int]) -> bytes:
    connection = http.client.HTTPConnection(*address, timeout=0.5)
    try:
        connection.request("GET", "/containers/json")
        answer = connection.getresponse()
        whole = b"".join(iter(lambda: answer.read(65536), b""))  # a giant length is not believed
        if answer.length:
            raise http.client.IncompleteRead(whole, answer.length)
        return whole
    finally:
        connection.close()


ANSWERED = {
    Rubbish.INVALID_JSON,
    Rubbish.INVALID_UTF8,
    Rubbish.DEEP_JSON,
    Rubbish.WRONG_TYPES,
    Rubbish.EMPTY_BODY,
    Rubbish.SERVER_ERROR,
    Rubbish.REDIRECT,
    Rubbish.OLD_API,
    Rubbish.ANSWERS_WELL,
}
ENDLESS = {Rubbish.ENDLESS_BODY, Rubbish.TINY_CHUNKS}


@pytest.mark.parametrize("mode", sorted(set(Rubbish) - ANSWERED - ENDLESS))
def test_rubbish_never_becomes_a_whole_answer(lab: Lab, mode: Rubbish) -> None:
    rubbish = lab.rubbish(mode)
    assert isinstance(rubbish.address, tuple)
    with pytest.raises((http.client.HTTPException, TimeoutError, ConnectionError)):
        _get(rubbish.address)


@pytest.mark.parametrize("mode", sorted(ANSWERED))
def test_well_formed_rubbish_is_answered_and_the_ping_may_be_well(lab: Lab, mode: Rubbish) -> None:
    rubbish = lab.rubbish(mode)
    rubbish.ping_well = True
    assert isinstance(rubbish.address, tuple)
    assert isinstance(_get(rubbish.address), bytes)
    assert rubbish.requests == ["/containers/json"]


@pytest.mark.parametrize("mode", sorted(ENDLESS))
def test_an_endless_body_goes_on(lab: Lab, mode: Rubbish) -> None:
    rubbish = lab.rubbish(mode)
    assert isinstance(rubbish.address, tuple)
    connection = http.client.HTTPConnection(*rubbish.address, timeout=5)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert len(answer.read(300_000)) == 300_000
    answer.close()
    connection.close()
