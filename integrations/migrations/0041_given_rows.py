from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0040_kinds_of_alerts'),
    ]

    operations = [
        migrations.AddField(
            model_name='reviewcase',
            name='assigned_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
