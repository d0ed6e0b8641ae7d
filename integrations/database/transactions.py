"""Saying, and checking, that something belongs into its caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection, models
from django.db.models import QuerySet

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=models.Model)


class TransactionRequired(RuntimeError):
    """Something that must be written together with more, or locks rows, was called outside a transaction."""


def transaction_required(function: Callable[P, R]) -> Callable[P, R]:
    """The function belongs into a transaction of its caller. Otherwise it raises TransactionRequired."""

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if not connection.in_atomic_block:
            raise TransactionRequired(f"{function.__qualname__} was called outside a transaction.")
        return function(*args, **kwargs)

    return checked


@transaction_required
def free_rows(rows: QuerySet[M], most: int = 5_000) -> QuerySet[M]:
    """Of these rows those that nobody else holds, locked until the transaction ends; no more than so many.

    For what comes again anyway: who is at one row does not hold up all others. SQLite locks no rows.
    """
    found = rows.order_by("pk").select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
    return rows.filter(pk__in=list(found[:most]))


@transaction_required
def wait_for_turn(number: int) -> None:
    """Go on when no other transaction is that waited by this number, and keep others waiting until the end.

    SQLite has one writing transaction at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
