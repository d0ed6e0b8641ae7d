"""Tables whose rows are only ever added: the database itself refuses to change or delete them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class AppendOnlyTable:
    """Triggers on a table, called after ``name``, that answer with the sentence ``refusal``.

    For migrations, whose triggers stay in databases: what is made here for a name is never changed. SQLite
    drops triggers when Django rebuilds a table: a migration that alters it has to run ``guard`` again.
    """

    table: str
    name: str
    refusal: str

    def guard(self, connection: BaseDatabaseWrapper) -> None:
        """From now on rows are only added."""
        if connection.vendor == "postgresql":
            function = f"{self.name}_is_append_only()"
            raising = f"$$ BEGIN RAISE EXCEPTION '{self.refusal}'; END $$"
            moment = f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {self.table} FOR EACH STATEMENT"
            statements = [
                f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS {raising}",
                f"CREATE TRIGGER {self.name}_append_only {moment} EXECUTE FUNCTION {function}",
            ]
        else:
            statements = [
                f"CREATE TRIGGER {self.name}_no_{verb} BEFORE {verb} ON {self.table} "
                f"BEGIN SELECT RAISE(ABORT, '{self.refusal}'); END"
                for verb in ("update", "delete")
            ]
        _run(connection, statements)

    def release(self, connection: BaseDatabaseWrapper) -> None:
        """Lift the guard: for going back, and for emptying the tables between tests."""
        if connection.vendor == "postgresql":
            statements = [
                f"DROP TRIGGER {self.name}_append_only ON {self.table}",
                f"DROP FUNCTION {self.name}_is_append_only()",
            ]
        else:
            statements = [f"DROP TRIGGER {self.name}_no_{verb}" for verb in ("update", "delete")]
        _run(connection, statements)


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
