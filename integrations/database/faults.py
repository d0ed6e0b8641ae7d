"""What is wrong with the database when a query fails for no fault of its own: by codes, never by words.

PostgreSQL tells an SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), SQLite a result
code (https://www.sqlite.org/rescode.html). All of it may pass; what cannot is told apart at the start.
"""

from __future__ import annotations

import enum
import sqlite3

import psycopg
from django.db import Error, InterfaceError, OperationalError


class Fault(enum.StrEnum):
    """Kinds of faults that pass, by what somebody who waits wants to know."""

    AWAY = "away"  # nobody answers
    BUSY = "busy"  # somebody else holds what is needed for longer than one waits
    READ_ONLY = "read-only"  # it answers and takes nothing
    FULL = "full"  # it has no room left


_BY_STATE = {
    "57P01": Fault.AWAY, "57P02": Fault.AWAY, "57P03": Fault.AWAY, "57P05": Fault.AWAY,  # stops or starts
    "53300": Fault.AWAY,  # all its connections are taken
    "25P03": Fault.AWAY,  # it has ended a transaction that slept, and the connection with it
    "55P03": Fault.BUSY, "57014": Fault.BUSY, "40P01": Fault.BUSY, "40001": Fault.BUSY, "53200": Fault.BUSY,
    "25006": Fault.READ_ONLY,
    "53100": Fault.FULL, "58030": Fault.FULL,
}  # fmt: skip
_BY_CODE = {
    sqlite3.SQLITE_BUSY: Fault.BUSY, sqlite3.SQLITE_LOCKED: Fault.BUSY, sqlite3.SQLITE_PROTOCOL: Fault.BUSY,
    sqlite3.SQLITE_INTERRUPT: Fault.BUSY,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_CANTOPEN: Fault.AWAY, sqlite3.SQLITE_IOERR: Fault.AWAY,
}  # fmt: skip
# What a server that refuses a connection says, which comes without a code. In another language of the
# server it is taken for something that passes.
_REFUSALS = (
    "password authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "no password supplied",
)
_PRIMARY = 0xFF  # the lower byte of an extended result code


def fault_of(error: BaseException | None) -> Fault | None:
    """Which passing fault of the database an exception is about, or what it came from; None: of none."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Error | psycopg.Error | sqlite3.Error) and (found := _fault(error)):
            return found
        error = error.__cause__ or error.__context__
    return None


def _fault(error: BaseException) -> Fault | None:
    cause = error.__cause__ if isinstance(error, Error) and error.__cause__ is not None else error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _BY_CODE.get(code & _PRIMARY)
    state = getattr(cause, "sqlstate", None)
    if state:
        return Fault.AWAY if state.startswith("08") else _BY_STATE.get(state)
    if isinstance(cause, sqlite3.Error):
        return None
    # A connection that was never made, or was cut, has no code; nor has one that is used when it is closed.
    kinds = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError)
    return Fault.AWAY if isinstance(cause, kinds) else None


def refusal(error: BaseException) -> str:
    """What the server says of settings by which nobody gets in; "" where waiting may help."""
    text = str(error)
    return text.strip() if any(sign in text for sign in _REFUSALS) else ""
