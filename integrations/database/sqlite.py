"""What the portal asks of a database connection beside the settings."""

from __future__ import annotations

import sqlite3
from typing import Any

from django.db.backends.signals import connection_created


def use_whole_parameter_limit(connection: Any, **kwargs: Any) -> None:
    """Let SQLite take as many parameters in a query as it was built for.

    Django assumes 999, so that saving 5,000 rows of 16 columns takes 80 queries; SQLite's own limit is 32,766
    since 3.32 (https://www.sqlite.org/limits.html#max_variable_number), on Debian 250,000.
    """
    if connection.vendor == "sqlite":
        limit = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        connection.features.max_query_params = max(limit, connection.features.max_query_params)


def prepare_connections() -> None:
    """From now on, each new connection."""
    connection_created.connect(use_whole_parameter_limit, dispatch_uid="parameter limit")
