"""An Engine that dies, hangs or comes back, and TLS that fits or does not."""

import ssl
from pathlib import Path

import pytest
import trio

from connectors.endpoint import Endpoint
from connectors.engine import Engine, open_engine
from connectors.errors import AuthenticationError, EngineError, TlsError, UnreachableError
from tests.lab.engines import Engine as RealEngine
from tests.lab.fixtures import Lab
from tests.lab.tls import Authority, TlsFiles


async def until_answers(engine: Engine) -> None:
    with trio.fail_after(20):
        while True:
            try:
                await engine.negotiate()
            except EngineError:
                await trio.sleep(0.1)
            else:
                return


async def ping_on(engine: Engine) -> None:
    while True:
        await engine.ping()


async def test_a_killed_engine_ends_its_streams_and_comes_back_by_itself(lab: Lab) -> None:
    real = lab.engine()
    async with open_engine(Endpoint("h", uds=real.socket), request_timeout=5) as engine:
        await engine.negotiate()
        async with engine.events() as events:
            await trio.to_thread.run_sync(real.kill)
            with trio.fail_after(20):
                assert [event async for event in events] == []
        with pytest.raises(
            UnreachableError, match=r"^h: nobody listens at .*is the Engine running"
        ):
            await engine.ping()
        await trio.to_thread.run_sync(real.start_again)
        await until_answers(engine)
        real.pause()
        try:
            async with open_engine(Endpoint("h", uds=real.socket), request_timeout=0.3) as hasty:
                with (
                    trio.fail_after(20),
                    pytest.raises(UnreachableError, match=r"gave no answer within 0\.3 s"),
                ):
                    await ping_on(hasty)  # the signal may take a moment
                with pytest.raises(UnreachableError, match=r"gave no answer within 0\.3 s"):
                    async with hasty.events():
                        pass
                counts = hasty.counts()
                assert (counts.active, counts.streams, counts.idle) == (0, 0, 0)
        finally:
            real.resume()
        assert await engine.ping() < 5


@pytest.fixture(scope="module")
def authority(module_lab: Lab) -> Authority:
    return module_lab.authority()


@pytest.fixture(scope="module")
def secure(module_lab: Lab, authority: Authority) -> RealEngine:
    return module_lab.engine(tcp=authority.server("engine.lab"))


@pytest.fixture(scope="module")
def plain(module_lab: Lab) -> RealEngine:
    return module_lab.engine(tcp="plain")


def context(ca: Path, client: TlsFiles | None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=ca)
    if client:
        made.load_cert_chain(client.cert, client.key)
    return made


def endpoint(real: RealEngine, tls: ssl.SSLContext | None, name: str = "engine.lab") -> Endpoint:
    assert real.address
    return Endpoint("h", address=real.address, tls=tls, server_name=name)


async def test_mutual_tls_is_spoken_and_its_connections_reused(
    secure: RealEngine, authority: Authority
) -> None:
    tls = context(authority.ca, authority.client())
    async with open_engine(endpoint(secure, tls)) as engine:
        await engine.negotiate()
        for _ in range(5):
            await engine.containers()
        assert engine.counts().opened == 1
        async with engine.events():
            assert engine.counts().streams == 1


async def test_what_does_not_fit_is_told(
    secure: RealEngine, authority: Authority, lab: Lab
) -> None:
    client = authority.client()
    stranger = lab.authority()
    cases: list[tuple[Endpoint, type[EngineError], str]] = [
        (endpoint(secure, context(stranger.ca, client)), TlsError, "unknown CA"),
        (endpoint(secure, context(authority.ca, client), "x.lab"), TlsError, "the name x.lab"),
        (endpoint(secure, context(authority.ca, None)), AuthenticationError, "certificate"),
        (
            endpoint(secure, context(authority.ca, stranger.client())),
            AuthenticationError,
            "refused our client certificate",
        ),
        (endpoint(secure, None), TlsError, "wants TLS"),
    ]
    for to, kind, said in cases:
        async with open_engine(to, request_timeout=5) as engine:
            with pytest.raises(kind, match=rf"^h: .*{said}.*\("):
                await engine.negotiate()
            assert engine.counts().active == 0


async def test_tls_towards_plain_http_is_told(plain: RealEngine, authority: Authority) -> None:
    async with open_engine(endpoint(plain, context(authority.ca, None))) as engine:
        with trio.fail_after(10), pytest.raises(TlsError, match=r"^h: .*does not speak TLS"):
            await engine.ping()


async def test_a_link_that_stalls_is_noticed_and_a_slow_one_is_not(
    plain: RealEngine, lab: Lab
) -> None:
    assert plain.address
    relay = lab.relay(plain.address)
    assert isinstance(relay.address, tuple)
    async with open_engine(Endpoint("h", address=relay.address), request_timeout=1) as engine:
        await engine.negotiate()
        relay.delay = 0.1
        assert 0.1 <= await engine.ping() < 1
        relay.stall()
        with pytest.raises(UnreachableError, match=r"gave no answer within 1 s"):
            await engine.ping()
        relay.delay = 0.0
        relay.flow()
        await until_answers(engine)
