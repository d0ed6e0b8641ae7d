"""The sign-in log, which the database itself refuses to change. A migration that rebuilds its table on SQLite, which drops
the triggers, has to run ``guard`` again.
"""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from integrations.database.append_only import AppendOnlyTable

log = AppendOnlyTable("integrations_accountevent", "account_log", "The sign-in log is append-only.")
guard, release = log.guard, log.release


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0021_alternatives_and_ids'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('kind', models.CharField(max_length=40)),
                ('person_name', models.CharField(blank=True, max_length=200)),
                ('by_name', models.CharField(blank=True, max_length=200)),
                ('address', models.CharField(blank=True, max_length=100)),
                ('network', models.CharField(blank=True, max_length=50)),
                ('browser', models.CharField(blank=True, max_length=200)),
                ('factor', models.CharField(blank=True, help_text='With what somebody came in or tried to.', max_length=100)),
                ('detail', models.CharField(blank=True, max_length=500)),
                ('by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['person', '-id'], name='account_events_of_a_person'), models.Index(fields=['kind', '-id'], name='account_events_of_a_kind')],
            },
        ),
        migrations.RunPython(
            lambda apps, schema_editor: guard(schema_editor.connection),
            lambda apps, schema_editor: release(schema_editor.connection),
        ),
    ]
