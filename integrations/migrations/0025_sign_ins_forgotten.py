"""The sign-in log may lose what is older than half a year, and nothing else (sign_ins/log.py: forget_events)."""

from importlib import import_module

from django.db import migrations, models

from integrations.database.append_only import AppendOnlyTable

before = import_module("integrations.migrations.0022_sign_in_log")
log = AppendOnlyTable(
    "integrations_accountevent", "account_log", "The sign-in log is append-only.", kept_days=180
)
guard, release = log.guard, log.release


def let_old_ones_go(apps, schema_editor):
    before.release(schema_editor.connection)
    guard(schema_editor.connection)


def keep_all(apps, schema_editor):
    release(schema_editor.connection)
    before.guard(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [("integrations", "0024_reads_that_fail")]

    operations = [
        migrations.AddIndex(
            model_name="accountevent", index=models.Index(fields=["at"], name="account_events_at")
        ),
        migrations.RunPython(let_old_ones_go, keep_all),
    ]
