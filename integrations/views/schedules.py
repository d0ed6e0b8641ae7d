"""The schedule of a configuration."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from integrations.forms.schedules import ScheduleForm
from integrations.models import IntegrationInstance
from integrations.services.instances import save_schedule
from integrations.views.common import SignedInRequest, on_instance, recorded
from integrations.views.setup import setup_page


@on_instance("map_organizations")
@require_POST
def save(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Save how often the companies are read and whether the credentials are checked daily."""
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        return setup_page(request, instance, schedule=form)
    with recorded(request, "The schedule was saved.") as batch:
        save_schedule(batch, instance, **form.cleaned_data)
    return redirect(f"{instance.get_absolute_url()}#schedule")
