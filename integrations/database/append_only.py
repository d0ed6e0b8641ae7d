"""Tables whose rows are only ever added: the database itself refuses to change or delete them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class AppendOnlyTable:
    """Triggers on a table, called after ``name``, that answer with the sentence ``refusal``.

    With ``kept_days`` a row may be deleted, never changed, once its column ``at`` is that many days old by
    the database's clock.

    For migrations, whose triggers stay in databases: what is made here for a name is never changed. SQLite
    drops triggers when Django rebuilds a table: a migration that alters it has to run ``guard`` again.
    """

    table: str
    name: str
    refusal: str
    kept_days: int | None = None

    def guard(self, connection: BaseDatabaseWrapper) -> None:
        """From now on rows are only added."""
        postgres = connection.vendor == "postgresql"
        _run(connection, self._postgres() if postgres else self._sqlite())

    def release(self, connection: BaseDatabaseWrapper) -> None:
        """Lift the guard: for going back, and for emptying the tables between tests."""
        if connection.vendor == "postgresql":
            triggers = [f"{self.name}_append_only", *([f"{self.name}_kept"] if self.kept_days else [])]
            statements = [f"DROP TRIGGER {trigger} ON {self.table}" for trigger in triggers]
            statements.append(f"DROP FUNCTION {self.name}_is_append_only()")
        else:
            statements = [f"DROP TRIGGER {self.name}_no_{verb}" for verb in ("update", "delete")]
        _run(connection, statements)

    def _postgres(self) -> list[str]:
        function = f"{self.name}_is_append_only()"
        raising = f"$$ BEGIN RAISE EXCEPTION '{self.refusal}'; END $$"
        verbs = "UPDATE OR TRUNCATE" if self.kept_days else "UPDATE OR DELETE OR TRUNCATE"
        moment = f"BEFORE {verbs} ON {self.table} FOR EACH STATEMENT"
        statements = [
            f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS {raising}",
            f"CREATE TRIGGER {self.name}_append_only {moment} EXECUTE FUNCTION {function}",
        ]
        if self.kept_days:
            young = f"OLD.at > now() - interval '{self.kept_days} days'"
            moment = f"BEFORE DELETE ON {self.table} FOR EACH ROW WHEN ({young})"
            statements.append(f"CREATE TRIGGER {self.name}_kept {moment} EXECUTE FUNCTION {function}")
        return statements

    def _sqlite(self) -> list[str]:
        young = f"WHEN OLD.at > strftime('%Y-%m-%d %H:%M:%f', 'now', '-{self.kept_days} days') "
        conditions = {"update": "", "delete": young if self.kept_days else ""}
        return [
            f"CREATE TRIGGER {self.name}_no_{verb} BEFORE {verb} ON {self.table} {condition}"
            f"BEGIN SELECT RAISE(ABORT, '{self.refusal}'); END"
            for verb, condition in conditions.items()
        ]


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
