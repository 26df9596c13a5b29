"""Pytest fixtures over the lab: shared Engines, and a factory for everything else."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Literal, NoReturn, Protocol, TypeVar

import pytest

from tests.lab.cache import KINDS
from tests.lab.caddy import Caddy
from tests.lab.echo import Echo
from tests.lab.engines import Engine
from tests.lab.errors import MissingPartError
from tests.lab.haproxy import Haproxy
from tests.lab.networks import Namespace
from tests.lab.nginx import Nginx
from tests.lab.postgres import Kind, PostgresServer
from tests.lab.prometheus import Prometheus
from tests.lab.proxy import Address, Relay
from tests.lab.redis import Redis
from tests.lab.rubbish import Rubbish, RubbishEngine
from tests.lab.runs import new_part
from tests.lab.sshd import Sshd
from tests.lab.tls import Authority, TlsFiles


class _Closable(Protocol):
    def close(self) -> None: ...


Part = TypeVar("Part", bound=_Closable)


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test whose parts are missing; in CI, where all are expected, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; CI must have every part of the lab", pytrace=False)
    pytest.skip(reason)


class Lab:
    """Starts parts of the lab and ends them, last first, when its scope ends."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def _keep(self, make: Callable[[], Part]) -> Part:
        try:
            part = make()
        except MissingPartError as error:
            skip_or_fail(str(error))
        self._stack.callback(part.close)
        return part

    def engine(
        self,
        kind: str = "debian12",
        *,
        namespace: Namespace | None = None,
        tcp: TlsFiles | Literal["plain"] | None = None,
        bridge: bool = False,
        live_restore: bool = False,
        options: Sequence[str] = (),
    ) -> Engine:
        """Start an Engine; the arguments are those of ``Engine.start``."""
        return self._keep(
            lambda: Engine.start(
                kind,
                namespace=namespace,
                tcp=tcp,
                bridge=bridge,
                live_restore=live_restore,
                options=options,
            )
        )

    def namespace(self) -> Namespace:
        """Make a host with its own network."""
        return self._keep(Namespace)

    def sshd(
        self,
        namespace: Namespace | None = None,
        options: Mapping[str, str] | None = None,
        passphrase: str = "",
    ) -> Sshd:
        """Start an sshd; the arguments are those of ``Sshd``."""
        return self._keep(lambda: Sshd(namespace, options, passphrase))

    def postgres(
        self,
        kind: Kind = "plain",
        *,
        password: str | None = None,
        tls: TlsFiles | None = None,
        settings: Mapping[str, str] | None = None,
        disk_bytes: int | None = None,
    ) -> PostgresServer:
        """Start a PostgreSQL server; the arguments are those of ``PostgresServer``."""
        return self._keep(
            lambda: PostgresServer(
                kind, password=password, tls=tls, settings=settings, disk_bytes=disk_bytes
            )
        )

    def authority(self) -> Authority:
        """Make a certificate authority, foreign to every other."""
        try:
            folder = new_part("a")
        except MissingPartError as error:
            skip_or_fail(str(error))
        return Authority(folder)

    def relay(self, target: Address, address: Address = ("127.0.0.1", 0)) -> Relay:
        """Put a breakable relay in front of a server."""
        return self._keep(lambda: Relay(target, address))

    def caddy(self) -> Caddy:
        """Make room for a Caddy; its ``run`` starts it."""
        return self._keep(Caddy)

    def prometheus(self) -> Prometheus:
        """Make room for a Prometheus; its ``run`` starts it."""
        return self._keep(Prometheus)

    def redis(self) -> Redis:
        """Start a Redis."""
        return self._keep(Redis)

    def haproxy(self) -> Haproxy:
        """Make room for a HAProxy; its service's commands start it."""
        return self._keep(Haproxy)

    def nginx(self) -> Nginx:
        """Make room for an nginx; its service's commands start it."""
        return self._keep(Nginx)

    def echo(self, name: str) -> Echo:
        """Start an HTTP server that says its name and what it was asked."""
        return self._keep(lambda: Echo(name))

    def rubbish(
        self, mode: Rubbish = Rubbish.NOT_HTTP, address: Address = ("127.0.0.1", 0)
    ) -> RubbishEngine:
        """Start a server that answers nonsense."""
        return self._keep(lambda: RubbishEngine(address, mode))


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Parts for this test alone."""
    with ExitStack() as stack:
        yield Lab(stack)


@pytest.fixture(scope="session")
def session_lab() -> Iterator[Lab]:
    """Parts that are shared by all tests; leave them as they were found."""
    with ExitStack() as stack:
        yield Lab(stack)


@pytest.fixture(scope="module")
def module_lab() -> Iterator[Lab]:
    """Parts that are shared by the tests of a module."""
    with ExitStack() as stack:
        yield Lab(stack)


@pytest.fixture(scope="session")
def engine_2010(session_lab: Lab) -> Engine:
    """Engine 20.10 with the images, shared: use own names, remove what you made."""
    return session_lab.engine("debian12")


@pytest.fixture(scope="session", params=KINDS)
def any_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each kind of Engine in turn, shared: use own names, remove what you made."""
    with ExitStack() as stack:
        yield Lab(stack).engine(request.param)
