"""A fleet's API on a real socket, with routes that a test gives it, in a thread of its own."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import msgspec
import trio

from labels.model import Route, Table
from tests.labels.render.tables import table
from tests.web.fleet_in_memory import FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.logs_in_memory import LogsInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.app import create_app
from web.parts import Serving, Shown
from web.server import Limits, serve


class GivenRoutes(RoutesInMemory):
    """Has the table that it was given last."""

    def __init__(self) -> None:
        super().__init__()
        self.given = table()
        self._given_anew = trio.Event()

    def give(self, given: Table) -> None:
        self.given = given
        self._given_anew.set()
        self._given_anew = trio.Event()

    def table(self) -> Table:
        return self.given

    def version(self) -> int:
        return self.given.revision

    async def changed(self, revision: int) -> None:
        while self.given.revision == revision:
            await self._given_anew.wait()


class Served:
    """Serves as long as its block lasts, and between `stop` and `start` nothing.

    Attributes:
        address: `HOST:PORT`, the same after each start.
    """

    def __init__(self) -> None:
        self.address = "127.0.0.1:0"
        self._given = table()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def start(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._run,), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        if self.is_running:
            trio.from_thread.run_sync(self._scope.cancel, trio_token=self._token)
            self._thread.join(30)

    def give(self, *routes: Route, complete: bool = True) -> None:
        """Have other routes, and one revision more."""
        self.give_later(*routes, complete=complete)
        trio.from_thread.run_sync(self._routes.give, self._given, trio_token=self._token)

    def give_later(self, *routes: Route, complete: bool = True) -> None:
        """Have them from the next start on."""
        made = table(*routes, revision=self._given.revision + 1)
        self._given = msgspec.structs.replace(
            made, complete=complete, missing=() if complete else ("edge",)
        )

    async def _run(self) -> None:
        self._routes = GivenRoutes()
        self._routes.given = self._given
        self._token = trio.lowlevel.current_trio_token()
        app = create_app(
            Shown(FleetInMemory(), HistoryInMemory(), LogsInMemory(), routing=self._routes),
            serving=Serving(settle=0.01),
        )
        async with trio.open_nursery() as nursery:
            self._scope = nursery.cancel_scope
            serving = nursery.start(
                lambda task_status: serve(
                    app, self.address, limits=Limits(grace=0.1), task_status=task_status
                )
            )
            self.address = await serving
            self._ready.set()
