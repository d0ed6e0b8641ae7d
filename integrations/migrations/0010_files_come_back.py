"""What an export has to name so that an emptied portal gets everything back as it was."""

import uuid

import django.utils.timezone
from django.db import migrations, models


def give_keys(apps, schema_editor):
    """A key to each organization that there is."""
    organization = apps.get_model("integrations", "Organization")
    rows = []
    for row in organization.objects.filter(key=None).only("pk").iterator(chunk_size=2_000):
        row.key = uuid.uuid4()
        rows.append(row)
        if len(rows) == 500:
            organization.objects.bulk_update(rows, ["key"])
            rows = []
    organization.objects.bulk_update(rows, ["key"])


class Migration(migrations.Migration):

    dependencies = [
        ("integrations", "0009_append_only_audit"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="key",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.RunPython(give_keys, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="organization",
            name="key",
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.AddField(
            model_name="organizationmapping",
            name="confirmed_by_name",
            field=models.CharField(
                blank=True,
                help_text="Who it was by a restored file, where there is no such account.",
                max_length=150,
            ),
        ),
        migrations.AddField(
            model_name="ignoredorganization",
            name="ignored_by_name",
            field=models.CharField(
                blank=True,
                help_text="Who it was by a restored file, where there is no such account.",
                max_length=150,
            ),
        ),
        migrations.AlterField(
            model_name="ignoredorganization",
            name="ignored_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
    ]
