"""Seeds of second factors were sealed for the column alone and opened in any row: from now on for their own row.

One that no key opens stays as it is; ``rotate_encryption_keys`` names its row.
"""

import logging

from django.db import migrations

from integrations import crypto

SEEDS = ("secret", "seed", "migrated_codes")
ANY_ROW = "mfa.authenticator:data"
logger = logging.getLogger(__name__)


def place_of(row, name):
    return f"mfa.authenticator:{row.user_id}:{row.type}:{name}"


def seal_for_rows(apps, schema_editor):
    change_seeds(apps, lambda row, name: (ANY_ROW, place_of(row, name)))


def seal_for_any_row(apps, schema_editor):
    change_seeds(apps, lambda row, name: (place_of(row, name), ANY_ROW))


def change_seeds(apps, places):
    model = apps.get_model("mfa", "Authenticator")
    for pk in model.objects.order_by("pk").values_list("pk", flat=True):
        row = model.objects.select_for_update().get(pk=pk)
        try:
            new = {
                name: change(value, *places(row, name)) for name, value in row.data.items() if name in SEEDS
            }
        except crypto.SealedValueError:
            logger.warning("The second factor %s cannot be opened with the configured keys; it stays.", pk)
            continue
        if new:
            row.data |= new
            row.save(update_fields=["data"])


def change(value, old, new):
    if isinstance(value, list):
        return [change(each, old, new) for each in value]
    return crypto.seal(crypto.unseal(value, old), new)


class Migration(migrations.Migration):

    dependencies = [
        ("integrations", "0025_sign_ins_forgotten"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [migrations.RunPython(seal_for_rows, seal_for_any_row)]
