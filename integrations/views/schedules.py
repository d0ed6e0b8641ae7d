"""The schedule of a configuration."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from integrations.forms.schedule import ScheduleForm
from integrations.services.schedules import save_schedule
from integrations.views.common import SignedInRequest, actor_of, needs
from integrations.views.setup import instance_or_404, setup_page


@needs("map_organizations")
@require_POST
def save(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Save how often the companies are read and whether the credentials are checked daily."""
    instance = instance_or_404(request, psa, pk)
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        return setup_page(request, instance, schedule=form)
    save_schedule(actor_of(request), instance, **form.cleaned_data)
    messages.success(request, "The schedule was saved.")
    return redirect(f"{instance.get_absolute_url()}#schedule")
