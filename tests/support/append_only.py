"""Emptying the tables after a test that committed: the audit's guard is lifted for that moment.

The cache is a table too, of which Django's own emptying knows nothing; it counts what is limited.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase

GUARDS = [
    import_module(f"integrations.migrations.{name}")
    for name in ("0009_append_only_audit", "0025_sign_ins_forgotten")
]


def release() -> None:
    """Let every row be deleted."""
    for each in GUARDS:
        each.release(connection)


def guard() -> None:
    """From now on rows of the histories are only added."""
    for each in GUARDS:
        each.guard(connection)


def empty_the_database() -> None:
    """Every row of every table is gone; the next ones get other primary keys than those had."""
    release()
    try:
        call_command("flush", interactive=False, reset_sequences=False, verbosity=0)
        cache.clear()
    finally:
        guard()


def let_tests_empty_the_audit() -> None:
    """Django empties every table after a test whose transactions were real, with DELETE or TRUNCATE."""
    empty: Any = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # not in the stubs

    def lifted(case: TransactionTestCase) -> None:
        release()
        try:
            empty(case)
            cache.clear()
        finally:
            guard()

    TransactionTestCase._fixture_teardown = lifted  # type: ignore[attr-defined]
