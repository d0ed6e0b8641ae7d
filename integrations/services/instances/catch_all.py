"""The catch-all company: what programs that ask for it are told for an organization without a mapping.

Its id in the PSA is what is kept, so that a restored portal has it before its companies are read.
"""

from __future__ import annotations

from integrations.models import Company, IntegrationInstance
from integrations.models.audit import Action
from integrations.services.audit import Batch
from integrations.services.instances.own_text import OwnText, set_text

CATCH_ALL = OwnText("catch_all_id", "catch_all", Action.CATCH_ALL_CHANGED, Action.CATCH_ALL_PUT_BACK)


class NotUsable(Exception):
    """The company is of another configuration, inactive, or was not in the last complete read."""


def set_catch_all(batch: Batch, instance: IntegrationInstance, company: Company | None) -> bool:
    """Set the catch-all company, or that there is none; False when nothing differs. Raises NotUsable."""
    if company is not None and (company.instance_id != instance.pk or not company.is_usable):
        raise NotUsable
    return set_catch_all_id(batch, instance, company.remote_id if company else "")


def set_catch_all_id(batch: Batch, instance: IntegrationInstance, wanted: str) -> bool:
    """Set the company's id in the PSA ("": none), read or not; False when nothing differs."""
    return set_text(batch, instance, CATCH_ALL, wanted)
