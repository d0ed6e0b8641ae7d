"""What the portal knows of a tenant's request budget: what the PSA told, and what was sent since."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from django.db import transaction
from django.utils import timezone

from integrations.models import IntegrationInstance
from integrations.psa.base import PSAClient, RequestBudget


def put_budget(instance: IntegrationInstance, budget: RequestBudget, told_at: dt.datetime) -> None:
    """Put on the (unsaved) instance what the PSA told."""
    kept = {**asdict(budget), "told_at": told_at.isoformat()}
    instance.last_check = {**instance.last_check, "budget": kept}


def put_sent(instance: IntegrationInstance, sent: int) -> None:
    """Put on the (unsaved) instance that so many more requests were sent, if the PSA has ever told any."""
    known = instance.last_check.get("budget")
    if known and sent:
        known = {**known, "sent_since": known.get("sent_since", 0) + sent}
        instance.last_check = {**instance.last_check, "budget": known}


def note_budget(instance: IntegrationInstance, client: PSAClient) -> None:
    """Keep what a client was told of the budget, or else what it has sent: to know it costs no request.

    ``instance`` knows it, too. Where somebody is writing its row just now, the figure is left for the next
    time: nobody waits for it.
    """
    told, sent = client.known_budget(), client.sent()
    if not sent:
        return
    with transaction.atomic(durable=True):
        rows = IntegrationInstance.objects.select_for_update(no_key=True, skip_locked=True)
        current = rows.filter(pk=instance.pk).first()
        if current is None:
            return
        if told is not None:
            put_budget(current, told, timezone.now())
        else:
            put_sent(current, sent)
        current.save(update_fields=["last_check"])
    instance.last_check = current.last_check
