"""The setup page as a whole: what its cards need to be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from integrations.forms.filters import BaseFilterFormSet
from integrations.forms.schedules import ScheduleForm
from integrations.forms.user_field import UserFieldForm
from integrations.models import IntegrationInstance
from integrations.psa.forms import ConnectionForm
from integrations.services.companies import filter_text
from integrations.services.expectations import standing_of
from integrations.services.instances import who_can_mend
from integrations.views.cards import connection_form, filter_forms, schedule_form
from integrations.views.common import SignedInRequest, instance_frame, on_instance
from integrations.views.mapping_table import table_context


@on_instance("view_integrationinstance")
def setup(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """The setup page of one configuration, or of it the company filter's form alone, which is opened now."""
    if request.htmx and asks_for_filter(request):
        context = {"instance": instance, "filters": filter_forms(instance)}
        return render(request, "integrations/setup/filter_body.html", context)
    return setup_page(request, instance)


def asks_for_filter(request: SignedInRequest) -> bool:
    """Whether the address asks for the company filter to be open."""
    return request.GET.get("open") == "filter"


def setup_page(
    request: SignedInRequest,
    instance: IntegrationInstance,
    *,
    connection: ConnectionForm | None = None,
    check: Mapping[str, Any] | None = None,
    filters: BaseFilterFormSet | None = None,
    preview: Mapping[str, Any] | None = None,
    schedule: ScheduleForm | None = None,
    user_field: UserFieldForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Draw the page; a card that was just submitted brings its own bound form."""
    prefetch_related_objects([instance], "filters")  # their card and their words both read them
    head = instance_frame(request, instance)
    context = {
        **head,
        "connection": connection or connection_form(instance),
        "check": check or instance.last_check,
        "filters": filters or filter_forms(instance),
        "is_filter_open": filters is not None or asks_for_filter(request),  # somebody is at it
        "filter_text": filter_text(instance),
        "preview": preview,
        "schedule": schedule or schedule_form(instance),
        "user_field": user_field or UserFieldForm(instance),
        "same_tenant": instance.same_tenant(head["instances"]),
        "catch_all": instance.catch_all_company(),
        "standing": standing_of(instance, timezone.now()),
        "who_can_mend": who_can_mend() if instance.status == IntegrationInstance.Status.REFUSED else [],
        **table_context(request, instance),
    }
    return render(request, "integrations/setup.html", context, status=status)
