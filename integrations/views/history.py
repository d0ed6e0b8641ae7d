"""History: what was done, what each press of a button changed, undo, and the mapping table of another day."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import asdict, fields

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from integrations.files.writer import csv_lines
from integrations.forms.history import day_and_page, history_query
from integrations.models import AuditEvent, IntegrationInstance, Organization
from integrations.services.audit import actor_of
from integrations.services.history import (
    KINDS,
    DifferenceRenderer,
    HistoryQuery,
    PastMapping,
    UndoOutcome,
    actor_names,
    batch_summary,
    batch_targets,
    events_in_force,
    every_past_mapping,
    history_page,
    past_mappings,
    start_of,
    undo_batch,
    undo_event,
)
from integrations.tasks import refresh_refiltered
from integrations.views.common import (
    SignedInRequest,
    csv_response,
    instance_frame,
    may_undo,
    needs,
    on_instance,
)
from integrations.views.row_decisions import mapped_to, standing_mapping

FILTERS = ("who", "what", "q", "instance", "organization", "batch", "since", "until")
BATCH_PAGE = 100
AS_OF_PAGE = 100


@needs("view_auditevent")
@require_GET
def history(request: SignedInRequest) -> HttpResponse:
    """The list; filters and the place in it are in the address."""
    query = history_query(request.GET)
    page = history_page(query)
    words = DifferenceRenderer(entry.event for entry in page.entries)
    for entry in page.entries:
        rights = [f"integrations.{right}" for right in entry.rights_to_undo]
        entry.may_be_undone = bool(rights) and not entry.undone_at and request.user.has_perms(rights)
    address_params = {name: str(request.GET[name]) for name in FILTERS if request.GET.get(name)}
    context = {
        "query": query,
        "rows": [(entry, words.differences(entry.event)) for entry in page.entries],
        "older": urlencode({**address_params, "older": str(page.older)}) if page.older else "",
        "newer": urlencode({**address_params, "newer": str(page.newer)}) if page.newer else "",
        "newest": urlencode(address_params),
        "kinds": [(key, label) for key, (label, _) in KINDS.items()],
        "actors": actor_names(),
        "instances": IntegrationInstance.objects.visible_to(request.user).order_by("name"),
        "organization": Organization.objects.visible_to(request.user)
        .filter(pk=query.organization or 0)
        .first(),
    }
    return render(request, "integrations/history/list.html", context)


@needs("view_auditevent")
@require_GET
def batch(request: SignedInRequest, key: uuid.UUID) -> HttpResponse:
    """What one press of a button changed, with undo."""
    summary = batch_summary(key)
    if summary is None:
        raise Http404
    query = history_query(request.GET)
    page = history_page(HistoryQuery(batch=key, older=query.older, newer=query.newer), BATCH_PAGE)
    words = DifferenceRenderer(entry.event for entry in page.entries)
    context = {
        "summary": summary,
        "rows": [(entry, words.differences(entry.event)) for entry in page.entries],
        "older": urlencode({"older": page.older}) if page.older else "",
        "newer": urlencode({"newer": page.newer}) if page.newer else "",
        "may_undo": not summary.is_undone and may_undo(request, AuditEvent.objects.filter(batch=key)),
    }
    return render(request, "integrations/history/batch.html", context)


@needs("view_auditevent")
@require_POST
def undo(request: SignedInRequest, batch: uuid.UUID) -> HttpResponse:
    """Take a whole batch back."""
    if not may_undo(request, AuditEvent.objects.filter(batch=batch)):
        raise Http404
    return _after_undo(request, batch, undo_batch(actor_of(request), batch))


@needs("view_auditevent")
@require_POST
def undo_one(request: SignedInRequest, event_id: int) -> HttpResponse:
    """Take one change back."""
    events = AuditEvent.objects.filter(pk=event_id)
    event = events.first()
    if event is None or not may_undo(request, events):
        raise Http404
    return _after_undo(request, event.batch, undo_event(actor_of(request), event_id))


def _after_undo(request: SignedInRequest, key: uuid.UUID, outcome: UndoOutcome) -> HttpResponse:
    """Say what was done; back to where the button was: the history, the review, or the mappings as shown."""
    level = messages.SUCCESS if outcome.restored else messages.WARNING
    instance, organization = batch_targets(key)
    text = outcome.sentence() + _stands_now(outcome, instance, organization)
    if refresh_refiltered(outcome.batch, request.user):
        text += " The companies are being read anew."
    way = "redo" if AuditEvent.objects.is_undo(outcome.batch) else "undo"
    tags = f"{way}:{outcome.batch}" if outcome.restored else ""
    messages.add_message(request, level, text, extra_tags=tags)
    shown = QueryDict(request.POST.get("table", ""), mutable=True)
    if "inbox" in request.POST:
        query = shown.urlencode()
        return redirect(f"{reverse('integrations:drift')}{'?' if query else ''}{query}")
    if "history" in request.POST or instance is None:
        return redirect("integrations:history_batch", key)
    if organization is not None and "review" in request.POST:
        shown["organization"] = str(organization)
        review = reverse("integrations:review", args=[instance.psa, instance.pk])
        return redirect(f"{review}?{shown.urlencode()}")
    query = shown.urlencode()
    return redirect(f"{instance.get_absolute_url()}{'?' if query else ''}{query}#mappings")


def _stands_now(outcome: UndoOutcome, instance: IntegrationInstance | None, organization: int | None) -> str:
    """Where one mapping was put back: what its organization is mapped to now."""
    found = Organization.objects.filter(pk=organization or 0).first()
    if instance is None or found is None or outcome.restored != 1 or outcome.noun != "mapping":
        return ""
    mapping = standing_mapping(instance, found)
    now = f"is mapped to {mapped_to(mapping, instance)}" if mapping else "has no company"
    return f" {found.name} {now}."


# --- the mapping table of another day ---------------------------------------------------------------------


@needs("view_auditevent")
@on_instance("view_integrationinstance")
@require_GET
def as_of(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponseBase:
    """The mappings that were in force at the end of a day; as a page or (``format=csv``) as a file."""
    day, number = day_and_page(request.GET)
    moment = min(start_of(day + dt.timedelta(days=1)), timezone.now())
    if request.GET.get("format") == "csv":
        past = every_past_mapping(instance, moment)
        rows = (asdict(row) | {"since": _iso(row.since)} for row in past)
        lines = csv_lines(rows, [field.name for field in fields(PastMapping)])
        return csv_response(lines, f"mappings-{instance.pk}-{day.isoformat()}.csv", marked=True)
    page = Paginator(events_in_force(instance, moment), AS_OF_PAGE).get_page(number)
    context = {
        **instance_frame(request, instance),
        "day": day,
        "today": timezone.localdate(),
        "page": page,
        "rows": past_mappings(instance, page.object_list),
    }
    return render(request, "integrations/history/as_of.html", context)


def _iso(moment: dt.datetime) -> str:
    """By the person's clock, with its distance from UTC: true wherever the file is read."""
    return timezone.localtime(moment).isoformat(timespec="seconds")
