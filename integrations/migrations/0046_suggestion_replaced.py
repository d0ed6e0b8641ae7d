from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0045_filters_read"),
    ]

    operations = [
        migrations.AddField(
            model_name="mappingproposal",
            name="replaced",
            field=models.JSONField(
                blank=True,
                editable=False,
                help_text="The suggestion in whose place another company was chosen, for undo.",
                null=True,
            ),
        ),
    ]
