"""Tokens end: with their maker unless they are the portal's own, and each at some moment.

What an operator made by command becomes the portal's own; what a person made stays that person's. Those without an end
get a year from now.
"""

import datetime as dt

from django.db import migrations, models
from django.utils import timezone


def give_ends(apps, schema_editor):
    tokens = apps.get_model("integrations", "ApiToken").objects
    tokens.filter(expires_at=None).update(expires_at=timezone.now() + dt.timedelta(days=365))
    # Without a maker: made by command, or by somebody who was deleted since. Their events tell which.
    made = apps.get_model("integrations", "AuditEvent").objects.filter(action="token created", actor=None)
    by_command = [int(pk) for pk in made.values_list("target_id", flat=True) if pk.isdecimal()]
    for pk in tokens.filter(created_by=None).values_list("pk", flat=True):
        if pk in by_command:
            tokens.filter(pk=pk).update(for_portal=True)


class Migration(migrations.Migration):
    dependencies = [("integrations", "0022_sign_in_log")]

    operations = [
        migrations.AddField(
            "apitoken",
            "for_portal",
            models.BooleanField(
                default=False, help_text="Belongs to the portal itself and stays when its maker leaves."
            ),
        ),
        migrations.AddField("apitoken", "networks", models.JSONField(blank=True, default=list)),
        migrations.RunPython(give_ends, migrations.RunPython.noop),
        migrations.AlterField("apitoken", "expires_at", models.DateTimeField()),
    ]
