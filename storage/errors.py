"""What can go wrong with storage, and psycopg's errors translated into it once.

The message of each says what happened, at which database, and what to do next. None of them ever
holds a password: the database is named by its address, not by its connection string.
"""

from __future__ import annotations

import psycopg


class StorageError(Exception):
    """Base of everything that storage raises."""


class DatabaseAwayError(StorageError):
    """The database cannot be reached or is not ready for work. Trying again later is right."""


class QueryTimeoutError(DatabaseAwayError):
    """The database gave up a statement that took too long."""


class DatabaseBusyError(DatabaseAwayError):
    """Others use all connections of the kind, and none became free in time."""


class DatabaseError(StorageError):
    """The database answers, but refuses: somebody has to change something first."""


class UnclearError(DatabaseError):
    """The database refuses for a reason that may lie in these rows, or in itself."""


class RefusedRowsError(StorageError):
    """The database refuses these rows for what they hold; others would be taken."""


class QueryLimitError(StorageError):
    """A query asks for more than is answered at once."""


class SpoolError(StorageError):
    """The spool cannot be written to, or is another process's."""


class EmbeddedServerError(StorageError):
    """The embedded PostgreSQL cannot be set up or started."""


_RIGHTS = "Make the user in [storage] url the owner of the database and of its tables."
_TLS = "Check sslmode and sslrootcert in [storage] url, and the server's certificate."
_WRITABLE = "Make it writable: it is a standby, or default_transaction_read_only is on."

_ADVICE_BY_STATE = {
    "28P01": "Check [storage] password_file or password_env.",
    "28000": "Check the user in [storage] url and the server's pg_hba.conf.",
    "3D000": "Create it with `createdb`, or correct [storage] url.",
    "42501": _RIGHTS,
    "42P01": "Something removed a table of fleet's schema; restore it from a backup.",
    "42P07": "The schema `fleet` there is not fleet's own; use another database.",
    "42703": "A table of fleet's schema was changed; restore it from a backup.",
}

# libpq gives no SQLSTATE for a failure to connect, only a text: the server's, or its own of TLS.
_ADVICE_BY_SERVERS_TEXT = (
    ("password authentication failed", _ADVICE_BY_STATE["28P01"]),
    (", no encryption", "Check the server's pg_hba.conf, and sslmode in [storage] url."),
    ("pg_hba.conf", _ADVICE_BY_STATE["28000"]),
    ("permission denied for database", _RIGHTS),
    ('role "', _ADVICE_BY_STATE["28000"]),
    ('database "', _ADVICE_BY_STATE["3D000"]),
)
_ADVICE_BY_LIBPQS_TEXT = (
    ("no password supplied", _ADVICE_BY_STATE["28P01"]),
    ("server does not support SSL", _TLS),
    ("certificate verify failed", _TLS),
    ("does not match host name", _TLS),
    ("root certificate file", _TLS),
)

_REFUSED_CLASSES = ("22", "23", "54")
_AWAY_CLASSES = ("08", "53", "55", "57", "58", "40")
# Whatever the rows: transactions, logins, names, tables and rights, the server's files.
_NEVER_THE_ROWS = ("25", "28", "3D", "3F", "42", "F0", "XX001", "XX002")
_CANCELLED = "57014"
_READ_ONLY = "25006"  # a standby, or a server that protects itself from a full disk


def translate(error: psycopg.Error, where: str) -> StorageError:
    """The storage error that `error`, met at the database `where`, stands for."""
    text = " ".join(str(error).split())
    state = error.sqlstate
    advice = _ADVICE_BY_STATE.get(state or "") or _advice_on_connecting(error, text)
    if advice:
        return DatabaseError(f"{where}: {text}. {advice}")
    if state is not None and state.startswith(_REFUSED_CLASSES):
        return RefusedRowsError(f"{where}: {text}")
    if state == _CANCELLED:
        return QueryTimeoutError(f"{where}: {text}")
    if state == _READ_ONLY:
        return DatabaseAwayError(f"{where}: {text}. {_WRITABLE}")
    if state is not None and state.startswith(_AWAY_CLASSES):
        return DatabaseAwayError(f"{where}: {text}")
    if state is None and isinstance(error, psycopg.DataError | psycopg.ProgrammingError):
        return RefusedRowsError(f"{where}: {text}")
    if state is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return DatabaseAwayError(f"{where}: {text}")
    if state is not None and not state.startswith(_NEVER_THE_ROWS):
        return UnclearError(f"{where}: {text}")
    return DatabaseError(f"{where}: {text}")


def _advice_on_connecting(error: psycopg.Error, text: str) -> str | None:
    if error.sqlstate is not None or not isinstance(error, psycopg.OperationalError):
        return None
    known = _ADVICE_BY_SERVERS_TEXT if "FATAL" in text else _ADVICE_BY_LIBPQS_TEXT
    return next((advice for part, advice in known if part in text), None)
