"""Publishes live state to the database: all of it at first, then what changes.

One process at a time does so. Its lock is that of a connection: where that is another one than
before, or the server began anew, all is written again.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.database import Database
from storage.errors import StorageError
from storage.live import CHANNEL, FORMAT, KEPT_CHANGES, LOCK, Item, pack
from storage.sessions import Connection
from storage.statements import statements


class AnotherPublishesError(StorageError):
    """Another supervisor publishes to this database."""


class LiveLostError(StorageError):
    """What was published is not there any more, or another's: all of it is to be written again."""


class LiveWriter:
    """Writes what is live.

    Args:
        database: Where to.
        run: Another at each start of the program.
    """

    def __init__(self, database: Database, run: str) -> None:
        self._database = database
        self._run = run
        self._revision = 0
        self._held: Connection | None = None

    async def replace(self, items: Sequence[Item]) -> None:
        """Have just these documents; readers see the earlier ones until all are there.

        Raises:
            AnotherPublishesError: The other one has to end first.
            StorageError: As `Database.write`.
        """
        self._revision += 1
        await self._database.publish(lambda connection: self._replace(connection, items))

    async def change(self, items: Sequence[Item]) -> None:
        """Put documents, and take those away that are None; without any it is a sign of life.

        Raises:
            LiveLostError: `replace` is to be called.
            StorageError: As `Database.write`; `replace` is to be called then, too.
        """
        self._revision += bool(items)
        await self._database.publish(lambda connection: self._change(connection, items))

    def _replace(self, connection: Connection, items: Sequence[Item]) -> None:
        if self._held is not connection:
            held = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
            if held != (True,):
                raise AnotherPublishesError(
                    f"{self._database.where}: another supervisor publishes there already. Stop it,"
                    " or give each its own database."
                )
        self._held = None
        with connection.transaction():
            connection.execute("DELETE FROM live_state")
            connection.execute("DELETE FROM live_changes")
            self._put(connection, items)
            self._tell(connection)
        self._held = connection

    def _change(self, connection: Connection, items: Sequence[Item]) -> None:
        if self._held is not connection:
            raise LiveLostError(f"{self._database.where}: connected anew, live state comes again")
        with connection.transaction():
            row = connection.execute("SELECT run FROM live_run FOR UPDATE").fetchone()
            if row != (self._run,):
                self._held = None
                raise LiveLostError(f"{self._database.where}: live state is not ours any more")
            if items:
                self._put(connection, items)
                self._drop(connection, items)
                told = {"revision": self._revision, "changes": pack(items)}
                connection.execute(statements()["live_told"], told)
                old = {"revision": self._revision - KEPT_CHANGES}
                connection.execute(statements()["live_forget"], old)
            self._tell(connection)

    def _put(self, connection: Connection, items: Sequence[Item]) -> None:
        here = [item for item in items if item.document is not None]
        if here:
            documents = [item.document for item in here]
            connection.execute(statements()["live_put"], {**_keys(here), "documents": documents})

    def _drop(self, connection: Connection, items: Sequence[Item]) -> None:
        gone = [item for item in items if item.document is None]
        if gone:
            connection.execute(statements()["live_drop"], _keys(gone))

    def _tell(self, connection: Connection) -> None:
        beat = {"run": self._run, "format": FORMAT, "revision": self._revision}
        connection.execute(statements()["live_beat"], beat)
        connection.execute(f"NOTIFY {CHANNEL}".encode())


def _keys(items: Sequence[Item]) -> dict[str, list[str]]:
    return {
        "kinds": [item.key.kind for item in items],
        "hosts": [item.key.host for item in items],
        "keys": [item.key.key for item in items],
    }
