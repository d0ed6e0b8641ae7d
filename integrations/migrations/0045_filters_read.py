from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0044_who_took_a_held_refresh"),
    ]

    operations = [
        migrations.AddField(
            model_name="integrationinstance",
            name="filters_read",
            field=models.JSONField(
                blank=True,
                editable=False,
                help_text="The filter's rows at the last full read; empty where an older release has read.",
                null=True,
            ),
        ),
    ]
