"""What should be true of a configuration, and the result of a refresh that waits for a person."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from integrations.forms.expectations import ExpectationsForm
from integrations.models import IntegrationInstance, Job
from integrations.services.audit import Batch, actor_of
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.expectations import (
    HeldChanged,
    leave_held,
    note_expectations,
    read_held,
    save_expectations,
    standing_of,
    take_held,
    terms_of,
)
from integrations.tasks import enqueue_refresh
from integrations.views.common import (
    SignedInRequest,
    form_status,
    instance_frame,
    on_instance,
    tell_recorded,
    whole_number,
)
from integrations.views.mapping_table import back_to_table

OUTRUN = (
    "Nothing was saved: somebody else has changed the expectations since the page was shown. "
    "Below is what they are now."
)
UNDER_WAY = "another refresh is under way. When it has ended, look again."


@on_instance("view_integrationinstance")
@require_GET
def expectations(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """What is expected, and how it stands."""
    return _page(request, instance)


@on_instance("change_integrationinstance")
@require_POST
def save(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Change what is expected, unless somebody else has since the page was shown."""
    form = ExpectationsForm(terms_of(instance), request.POST)
    if not form.is_valid():
        return _page(request, instance, form)
    batch = Batch(actor_of(request))
    try:
        changed = save_expectations(batch, instance, form.wanted(), seen=form.cleaned_data["seen"])
    except ChangedMeanwhile:
        messages.error(request, OUTRUN)
        return _page(request, instance, status=409)
    if changed:
        tell_recorded(request, batch, "The expectations were saved.")
        note_expectations(timezone.now(), instance.pk)
    return redirect("integrations:expectations", instance.psa, instance.pk)


def _page(
    request: SignedInRequest,
    instance: IntegrationInstance,
    form: ExpectationsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    found = standing_of(instance, timezone.now())
    form = form or ExpectationsForm(terms_of(instance))
    outlook = {each.kind: each for each in found.outlook}
    context = {
        **instance_frame(request, instance),
        "found": found,
        "form": form,
        "rows": [(fields, outlook.get(fields.kind)) for fields in form.rows()],
    }
    code = status if status != 200 else form_status(form)
    return render(request, "integrations/expectations/expectations.html", context, status=code)


@on_instance("view_integrationinstance")
@require_GET
def held(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """What would go with the result that waits, and which mappings that touches."""
    number = whole_number(request.GET.get("page", "")) or 1
    found = read_held(instance, number)
    context = {**instance_frame(request, instance), "found": found}
    return render(request, "integrations/expectations/held.html", context)


@on_instance("map_organizations")
@require_POST
def decide_held(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Take the result that was shown, which reads once more, or leave it."""
    try:
        key = UUID(request.POST.get("key", ""))
    except ValueError as error:
        raise Http404 from error
    decision = request.POST.get("decision")
    if decision not in {"take", "leave"}:
        raise Http404
    batch = Batch(actor_of(request))
    try:
        if decision == "take":
            _take(request, batch, instance, key)
            messages.success(request, "The companies are read once more, and what you saw is taken over.")
            return back_to_table(request, instance)
        leave_held(batch, instance, key, timezone.now())
        messages.success(
            request, "The result was left: nothing changed, and the companies stay as they were before it."
        )
    except HeldChanged as error:
        messages.error(request, f"Nothing was done: {error}")
    return redirect("integrations:held", instance.psa, instance.pk)


@transaction.atomic
def _take(request: SignedInRequest, batch: Batch, instance: IntegrationInstance, key: UUID) -> None:
    """Note the take and order the refresh that carries it out: both, or, with HeldChanged, neither."""
    taken = str(take_held(batch, instance, key, timezone.now()).key)
    job = enqueue_refresh(instance, request.user, full=True, taken=taken)
    if not Job.objects.filter(pk=job.pk, options__taken=taken).exists():
        raise HeldChanged(UNDER_WAY)
