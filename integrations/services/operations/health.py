"""Whether the portal is ready to answer and to work."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from integrations.models import Worker

logger = logging.getLogger(__name__)

OK = "ok"


class _Migrations:
    """Whether the database is up to date; once it is, it stays so for this version of the code."""

    applied = False

    @classmethod
    def are_applied(cls) -> bool:
        """Compare the migration files with the database's table."""
        if not cls.applied:
            executor = MigrationExecutor(connection)
            cls.applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return cls.applied


def readiness(*, worker: bool = True) -> dict[str, str]:
    """What the portal stands on, by name; "ok" or what is wrong, without details of the machine."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        found = {
            "database": OK,
            "migrations": OK if _Migrations.are_applied() else "not applied: run manage.py prepare",
        }
        if worker:
            found["worker"] = OK if Worker.objects.alive().exists() else "none heard of for a minute"
    except DatabaseError as error:
        logger.warning("The readiness check could not reach the database: %s", str(error).strip())
        connection.close()
        return {"database": "not reachable"}
    return found
