"""The schedule of a configuration."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from integrations.forms.schedules import ScheduleForm
from integrations.services.audit import Batch
from integrations.services.instances.schedule import save_schedule
from integrations.views.common import SignedInRequest, actor_of, instance_or_404, needs, undo_tag
from integrations.views.setup import setup_page


@needs("map_organizations")
@require_POST
def save(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Save how often the companies are read and whether the credentials are checked daily."""
    instance = instance_or_404(request, psa, pk)
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        return setup_page(request, instance, schedule=form)
    batch = Batch(actor_of(request))
    save_schedule(batch.actor, instance, **form.cleaned_data, batch=batch)
    messages.success(request, "The schedule was saved.", extra_tags=undo_tag(request, batch))
    return redirect(f"{instance.get_absolute_url()}#schedule")
