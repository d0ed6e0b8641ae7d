"""One column to search companies in, and on PostgreSQL an index that finds any part of it.

The index needs the extension pg_trgm, which the owner of a database may create since PostgreSQL 13. Where that is
refused, searching works without the index, only slower (docs/deployment.md says how to add it later).
"""

import logging

import django.db.models.functions.text
from django.db import DatabaseError, migrations, models, transaction

logger = logging.getLogger(__name__)
# The words of Django's icontains, so that the planner knows its condition again. Without a list of pending entries,
# which made the searches after a refresh two hundred times slower until the next vacuum.
INDEX = (
    "CREATE INDEX company_searched ON integrations_company "
    "USING gin (UPPER(searched::text) gin_trgm_ops) WITH (fastupdate = off)"
)


def make_index(apps, schema_editor):
    """On PostgreSQL, if the extension is there or may be made."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(INDEX)
    except DatabaseError as error:
        logger.warning("Companies are searched without an index: %s", str(error).strip())


def drop_index(apps, schema_editor):
    """The extension stays: others may use it."""
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS company_searched")


class Migration(migrations.Migration):

    dependencies = [
        ("integrations", "0012_uploads_in_the_background"),
    ]

    operations = [
        migrations.AddField(
            model_name="company",
            name="searched",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.text.Concat(
                    "name", models.Value("\n"), "number", models.Value("\n"),
                    "web_address", models.Value("\n"), "city",
                ),
                output_field=models.TextField(),
            ),
        ),
        migrations.RunPython(make_index, drop_index),
    ]
