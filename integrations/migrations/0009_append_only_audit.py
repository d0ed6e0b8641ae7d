"""The database itself refuses to change or delete history.

SQLite drops triggers when Django rebuilds a table: a later migration that alters the audit has to run
``guard`` again (tests/models/test_append_only.py notices when it does not).
"""

from django.db import migrations

TABLE = "integrations_auditevent"
REFUSAL = "The audit is append-only."
GUARD = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON {TABLE} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
        f"CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
    ],
}
RELEASE = {
    "sqlite": [f"DROP TRIGGER audit_no_{verb}" for verb in ("update", "delete")],
    "postgresql": [
        f"DROP TRIGGER audit_append_only ON {TABLE}",
        "DROP FUNCTION audit_is_append_only()",
    ],
}


def guard(connection):
    """From now on rows are only added."""
    run(connection, GUARD)


def release(connection):
    """Lift the guard: for going back, and for emptying the tables between tests."""
    run(connection, RELEASE)


def run(connection, statements):
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ("integrations", "0008_table_preferences"),
    ]

    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: guard(schema_editor.connection),
            lambda apps, schema_editor: release(schema_editor.connection),
        ),
    ]
