"""The database itself refuses to change or delete history.

SQLite drops triggers when Django rebuilds a table: a later migration that alters the audit has to run
``guard`` again (tests/models/test_append_only.py notices when it does not).
"""

from django.db import migrations

from integrations.database.append_only import AppendOnlyTable

log = AppendOnlyTable("integrations_auditevent", "audit", "The audit is append-only.")
guard, release = log.guard, log.release


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
