"""The one user-defined field that is read with the companies: an id by which other tools know them.

Its values are shown under the name of the field that they were read from (``user_field_read``), and stay
until the next refresh, which then reads everything.
"""

from __future__ import annotations

from integrations.models import IntegrationInstance
from integrations.models.audit import Action
from integrations.services.audit import Batch
from integrations.services.instances.own_text import OwnText, set_text

USER_FIELD = OwnText("user_field", "user_field", Action.USER_FIELD_CHANGED, Action.USER_FIELD_PUT_BACK)


def set_user_field(batch: Batch, instance: IntegrationInstance, wanted: str) -> bool:
    """Choose the field by its name (``udf:Name``), or none (""); False when nothing differs."""
    return set_text(batch, instance, USER_FIELD, wanted)
