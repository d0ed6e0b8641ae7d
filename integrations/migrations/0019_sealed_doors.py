"""What opens a door is sealed: addresses of webhooks, seeds of second factors, sessions.

Redacts what older history tells of addresses, which is append-only otherwise, and ends all sessions: those of before
lie in another table, in clear.
"""

from importlib import import_module
from urllib.parse import urlsplit

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import integrations.fields
from integrations import crypto

SEEDS = ("secret", "seed", "migrated_codes")
CONTEXT = "mfa.authenticator:data"
guard = import_module("integrations.migrations.0009_append_only_audit")


def seal_addresses(apps, schema_editor):
    for row in apps.get_model("integrations", "Webhook").objects.all():
        row.host, row.address = urlsplit(row.url).netloc, {"url": row.url}
        row.save(update_fields=["host", "address"])


def open_addresses(apps, schema_editor):
    for row in apps.get_model("integrations", "Webhook").objects.all():
        row.url = row.address.reveal().get("url", "")
        row.save(update_fields=["url"])


def seal_seeds(apps, schema_editor):
    change_seeds(apps, lambda text: crypto.seal({"seed": text}, CONTEXT))


def open_seeds(apps, schema_editor):
    change_seeds(apps, lambda token: crypto.unseal(token, CONTEXT)["seed"])


def change_seeds(apps, change):
    for row in apps.get_model("mfa", "Authenticator").objects.all():
        for name in SEEDS:
            if isinstance(row.data.get(name), str):
                row.data[name] = change(row.data[name])
            elif isinstance(row.data.get(name), list):
                row.data[name] = [change(code) for code in row.data[name]]
        row.save(update_fields=["data"])


def redact_history(apps, schema_editor):
    """Of an address only its host stays."""
    events = apps.get_model("integrations", "AuditEvent").objects.filter(target_type="webhook")
    if not events.exists():
        return
    guard.release(schema_editor.connection)
    for event in events.iterator(chunk_size=500):
        states = [event.before, event.after]
        for state in states:
            if state and "address" in state:
                state["address"] = urlsplit(state["address"]).netloc or state["address"]
        events.filter(pk=event.pk).update(before=states[0], after=states[1])
    guard.guard(schema_editor.connection)


def end_sessions(apps, schema_editor):
    apps.get_model("sessions", "Session").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ("integrations", "0018_refused_tries"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("sessions", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="webhook",
            name="address",
            field=integrations.fields.EncryptedJSONField(blank=True, default="", row_key="key"),
        ),
        migrations.AddField(
            model_name="webhook",
            name="host",
            field=models.CharField(
                default="", editable=False, help_text="What is shown of the address.", max_length=260
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="webhook", name="url", field=models.CharField(default="", max_length=500)
        ),
        migrations.RunPython(seal_addresses, open_addresses),
        migrations.RemoveField(model_name="webhook", name="url"),
        migrations.RunPython(seal_seeds, open_seeds),
        migrations.RunPython(redact_history, migrations.RunPython.noop),
        migrations.RunPython(end_sessions, migrations.RunPython.noop),
        migrations.CreateModel(
            name="BrowserSession",
            fields=[
                ("session_key", models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key")),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("address", models.CharField(blank=True, max_length=100)),
                ("browser", models.CharField(blank=True, max_length=200)),
                ("person", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="browser_sessions", to=settings.AUTH_USER_MODEL)),
            ],
            options={"verbose_name": "browser session", "ordering": ["-seen_at"]},
        ),
    ]
