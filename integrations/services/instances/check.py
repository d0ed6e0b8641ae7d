"""Checking a connection: what was found, and who can mend it."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations.models import IntegrationInstance
from integrations.models.audit import Action
from integrations.psa.base import CheckStep, ConnectionReport, FailureKind, PSAError, StepState
from integrations.services.audit import Batch, instance_change
from integrations.services.instances.budget import put_budget, put_sent
from integrations.services.instances.credentials import RefusedBefore, client_for, remember_zone

MOST_NAMES = 5  # of people who can mend a connection


def check_connection(
    batch: Batch, instance: IntegrationInstance, *, unless_refused: bool = False
) -> ConnectionReport:
    """Check the stored credentials now and remember what was found; a moved zone is taken over.

    ``unless_refused`` is for whoever has not read that they were refused, and for what acts by itself: then
    the report tells that nothing was sent, and nothing is remembered.
    """
    refused = IntegrationInstance.objects.filter(pk=instance.pk, status=IntegrationInstance.Status.REFUSED)
    if unless_refused and refused.exists():
        return not_asked(RefusedBefore())
    try:
        client = client_for(instance)
    except PSAError as error:
        report, sent = not_asked(error), 0
    else:
        try:
            report = client.check(instance.zone)
            sent = client.sent()
        finally:
            client.close()
    with transaction.atomic(durable=True):
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk)
        before, known = instance.snapshot(), instance.last_check.get("budget")
        record_check(instance, report, timezone.now())
        if known and report.budget is None:  # the check ended before it could ask
            instance.last_check = {**instance.last_check, "budget": known}
            put_sent(instance, sent)
        instance.save()
        after = instance.snapshot()
        if before != after:
            batch.record([instance_change(Action.INSTANCE_CHECKED, instance, before, after)])
    return report


def record_check(instance: IntegrationInstance, report: ConnectionReport, now: dt.datetime) -> None:
    """Put what a check found on the (unsaved) instance: status, steps, and the zone when it was found."""
    kind = report.error.kind if report.error else None
    if report.passed:
        instance.status, instance.refused_tries = IntegrationInstance.Status.CONNECTED, 0
    elif kind is FailureKind.CREDENTIALS:
        instance.status = IntegrationInstance.Status.REFUSED
        instance.refused_tries += 1
    else:
        instance.status = IntegrationInstance.Status.ATTENTION
    if report.passed and report.zone is not None:
        remember_zone(instance, report.zone)
        instance.zone = report.platform
    instance.last_check = report_as_json(report)
    instance.last_checked_at = now
    if report.budget is not None:
        put_budget(instance, report.budget, now)


def report_as_json(report: ConnectionReport) -> dict[str, Any]:
    """The report as the instance keeps it and the page shows it."""
    return {
        "steps": [{**asdict(step), "state": step.state.value} for step in report.steps],
        "companies": report.company_count,
        "moved_from": report.moved_from,
        "better_zone": report.better_zone,
        "passed": report.passed,
    }


def not_asked(error: PSAError) -> ConnectionReport:
    """The report of a check that failed before anything was sent."""
    step = CheckStep("credentials", "Credentials can be sent", StepState.FAILED, error.user_text)
    return ConnectionReport((step,), error=error)


def who_can_mend() -> list[str]:
    """The names of a few people who may change credentials, for whoever may not."""
    owners = User.objects.filter(Q(groups__name="Owners") | Q(is_superuser=True), is_active=True)
    names = owners.distinct().order_by("is_superuser", "username")[:MOST_NAMES]
    return [person.get_full_name() or person.get_username() for person in names]
