"""Names: a name server that is silent holds up only those who wait for it."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import trio

import connectors.names
import connectors.ssh_thread
from config.models import Host, LocalHost, Monitoring, SshHost, TcpHost
from connectors.connect import connect
from connectors.errors import UnreachableError
from connectors.names import Names, resolve
from connectors.opening import open_tcp
from tests.connectors.reach import QUICK, ask, ssh_host, ssh_threads, until
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab


class NameServer:
    """Stands in for the system's resolver: silent on `*.slow`, until told to refuse them."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.known: dict[str, list[tuple[str, int]]] = {}
        self.talks = threading.Event()
        self._real = socket.getaddrinfo

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        flags = kwargs.get("flags", args[3] if len(args) > 3 else 0)
        if not flags & socket.AI_NUMERICHOST:
            self.asked[name] += 1
            if name.endswith(".slow"):
                self.talks.wait(60)
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            if name in self.known:
                kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
                return [(*kind, place) for place in self.known[name]]
        return self._real(host, port, *args, **kwargs)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    stand_in = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", stand_in.getaddrinfo)
    # Lookups that a test leaves behind keep their threads busy: each test has threads of its own.
    names = Names()
    monkeypatch.setattr(connectors.names, "NAMES", names)
    monkeypatch.setattr(connectors.ssh_thread, "NAMES", names)
    yield stand_in
    stand_in.talks.set()


async def fail_to_connect(host: Host) -> None:
    with pytest.raises(UnreachableError):
        async with connect(host):
            pass


async def test_silent_name_servers_hold_up_no_other_host(
    server: NameServer, lab: Lab, engine_2010: Engine
) -> None:
    healthy: list[Host] = [
        ssh_host(lab.sshd(), engine_2010.socket),
        LocalHost(name="here", socket=engine_2010.socket),
    ]
    tcp = lab.engine(tcp="plain").address
    assert tcp is not None
    healthy.append(TcpHost(name="db", address=tcp[0], port=tcp[1]))
    async with trio.open_nursery() as nursery:
        for number in range(45):
            name, address = f"h{number}", f"h{number}.slow"
            nursery.start_soon(fail_to_connect, SshHost(name=name, address=address, agent=False))
            tls = TcpHost(name=name, address=f"t{address}", insecure=True)
            nursery.start_soon(fail_to_connect, tls)
        await until(lambda: sum(server.asked.values()) >= 20, "the name server is asked")
        for host in healthy:
            with trio.fail_after(20):
                async with connect(host) as endpoint:
                    assert endpoint.host == host.name
        nursery.cancel_scope.cancel()


async def test_leaving_waits_for_no_lookup(
    server: NameServer, caplog: pytest.LogCaptureFixture
) -> None:
    hurried = Monitoring(connect_timeout=0.5)
    host = SshHost(name="edge", address="leaving.slow", agent=False, monitoring=hurried)
    begun = trio.current_time()
    with pytest.raises(UnreachableError, match=r"within 0\.5 s while connecting to"):
        async with connect(host):
            pass
    assert trio.current_time() - begun < 20
    assert not server.talks.is_set()
    assert not ssh_threads()
    assert "did not end" not in caplog.text


async def test_who_tries_again_joins_the_lookup_under_way(server: NameServer) -> None:
    hurried = Monitoring(connect_timeout=0.1)
    for _ in range(5):
        host = TcpHost(name="db", address="again.slow", insecure=True, monitoring=hurried)
        await fail_to_connect(host)
    assert server.asked["again.slow"] == 1


async def test_more_lookups_than_threads_wait_for_their_turn(server: NameServer) -> None:
    names = Names(threads=2)
    futures = [names.lookup(f"turn{number}.slow", 1) for number in range(5)]
    await trio.to_thread.run_sync(server.talks.set)
    for future in futures:
        error = await trio.to_thread.run_sync(future.exception, 10)
        assert isinstance(error, socket.gaierror)
    assert all(server.asked[f"turn{number}.slow"] == 1 for number in range(5))


async def test_ssh_asks_for_a_name_once(server: NameServer, lab: Lab, engine_2010: Engine) -> None:
    sshd = lab.sshd()
    server.known["once.lan"] = [(sshd.address, sshd.port)]
    sshd.known_hosts.write_text(sshd.known_hosts.read_text().replace(sshd.address, "once.lan"))
    async with connect(ssh_host(sshd, engine_2010.socket, address="once.lan")) as endpoint:
        assert b"200 OK" in await ask(endpoint)
    assert server.asked["once.lan"] == 1


async def test_a_dead_address_of_a_name_delays_the_next_little(server: NameServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        dead = [("192.0.2.1", port), ("127.0.0.1", 1)]  # silent or no route, and refused
        server.known["many.lan"] = [*dead, ("127.0.0.1", port)]
        with trio.fail_after(10):
            async with await open_tcp("many.lan", port) as stream:
                assert stream.socket.getpeername() == ("127.0.0.1", port)
    server.known["none.lan"] = [("127.0.0.1", 1), ("127.0.0.1", 2)]
    with pytest.raises(ConnectionRefusedError):
        await open_tcp("none.lan", 1)


@pytest.mark.parametrize("name", ["db..lan", "10.0..5", "a" * 70 + ".lan", "\u00fc" * 70])
async def test_what_is_no_name_is_unreachable(name: str) -> None:
    hosts: list[Host] = [
        TcpHost(name="db", address=name, insecure=True, monitoring=QUICK),
        SshHost(name="edge", address=name, agent=False, monitoring=QUICK),
        SshHost(name="edge", address="h", jump=name, agent=False, monitoring=QUICK),
    ]
    for host in hosts:
        with pytest.raises(UnreachableError, match="cannot be resolved: it is not a well-formed"):
            async with connect(host):
                pass


async def test_numbers_are_answered_without_a_thread() -> None:
    before = threading.active_count()
    assert [entry[4] for entry in await resolve("::1", 80)] == [("::1", 80, 0, 0)]
    assert [entry[4] for entry in await resolve("127.0.0.1", 80)] == [("127.0.0.1", 80)]
    assert threading.active_count() <= before
