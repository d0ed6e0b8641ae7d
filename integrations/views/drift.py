"""Drift: the inbox of all configurations, and what each refresh changed."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models.functions import Lower
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from integrations.forms.drift import inbox_query, read_press
from integrations.models import Company, HeldRefresh, IntegrationInstance, RecordChange, RefreshSummary
from integrations.models.instances import InstanceQuerySet
from integrations.models.review_reasons import Finding, ReviewReason
from integrations.services.audit import Batch, actor_of
from integrations.services.companies import type_labels
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.drift import (
    DecideOutcome,
    Decision,
    InboxRow,
    colleagues,
    decide_cases,
    read_inbox,
    read_summaries,
    read_summary,
)
from integrations.services.mapping import NEXT_STEPS, CompanyNotOffered, OrganizationDeleted
from integrations.views.common import SignedInRequest, needs, tell_recorded, whole_number
from integrations.views.last_step import last_step

LASTING = ("instance", "reason", "mine")
PLACE = (*LASTING, "page")
MOST_NAMED = 5
ASKED = "asked about rows of the inbox"  # in the session: the ticked rows to unmap, and the inbox's place


class ShownCase(NamedTuple):
    """One row of the inbox, in words. ``proposed`` is a company to remap to (its id), 0 for none."""

    key: str
    name: str
    address: str
    instance: str
    company: str
    company_id: str
    texts: tuple[str, ...]
    opinion: str
    assigned_to: str
    proposed: int
    proposed_name: str
    proposed_id: str
    can_map: bool

    @classmethod
    def of(cls, row: InboxRow, table: str, *, can_map: bool) -> ShownCase:
        """A row as somebody sees it; ``table`` is where the rows of its configuration are reviewed."""
        mapping, proposed = row.mapping, row.proposed
        to = f"{table}?state=review&organization={mapping.organization_id}"
        return cls(
            row.key,
            mapping.organization.name,
            to if can_map else reverse("integrations:organization", args=[mapping.organization_id]),
            mapping.instance.name,
            mapping.company.name,
            mapping.company.remote_id,
            tuple(_text(each, row.labels) for each in row.findings),
            row.opinion,
            row.assigned_to,
            proposed.pk if proposed else 0,
            proposed.name if proposed else "",
            proposed.remote_id if proposed else "",
            can_map,
        )


def _text(finding: Finding, labels: dict[str, str]) -> str:
    """Why, and what became what; company types by their labels in the tenant."""
    if finding.reason is ReviewReason.RETYPED:
        before, after = (labels.get(value, value) for value in (finding.before, finding.after))
        return f"{finding.reason.label}: {before} → {after}"
    return finding.text[:1].upper() + finding.text[1:]


def _shown(rows: list[InboxRow], *, can_map: bool) -> list[tuple[ShownCase, dt.datetime | None]]:
    """The rows in words, and since when each is to be looked at."""
    of = {row.mapping.instance_id: row.mapping.instance for row in rows}
    tables = {pk: reverse("integrations:review", args=[each.psa, pk]) for pk, each in of.items()}
    return [
        (
            ShownCase.of(row, tables[row.mapping.instance_id], can_map=can_map),
            row.findings[0].since if row.findings else None,
        )
        for row in rows
    ]


@needs("view_integrationinstance")
@require_GET
def inbox(request: SignedInRequest) -> HttpResponse:
    """What has to be looked at; configuration, reason and page are in the address."""
    instances = _instances(request)
    query = inbox_query(request.GET.dict(), request.user.pk)
    found = read_inbox(instances, query)
    params = {name: request.GET[name] for name in LASTING if request.GET.get(name)}
    place = {"page": str(found.page.number)} if found.page.number > 1 else {}
    every = {name: value for name, value in params.items() if name != "reason"}
    context = {
        "inbox": found,
        "rows": _shown(found.rows, can_map=request.user.has_perm("integrations.map_organizations")),
        "query": query,
        "tabs": [
            ("", "All", found.total, urlencode(every)),
            *(
                (reason.value, reason.label, number, urlencode({**every, "reason": reason.value}))
                for reason, number in found.counts.items()
            ),
        ],
        "instances": instances,
        "held": [each for each in _held(instances) if query.instance in {None, each.instance_id}],
        "colleagues": colleagues(),
        "next_step": next(
            (NEXT_STEPS[each.warning] for each in found.counts if each.value == query.reason), ""
        ),
        "params": params,
        "last_step": last_step(request),
        "query_string": urlencode({**params, **place}),  # where Undo leads back to
    }
    return render(request, "integrations/drift/inbox.html", context)


def _held(instances: InstanceQuerySet) -> list[HeldRefresh]:
    """The results that wait or were left, of what companies the inbox does not know yet."""
    held = HeldRefresh.objects.filter(instance__in=instances).select_related("instance")
    return list(held.order_by(Lower("instance__name")))


@needs("map_organizations")
@require_POST
def decide(request: SignedInRequest) -> HttpResponse:
    """Keep, unmap, remap, ignore or give away one row or all that are ticked; back to the inbox.

    To unmap several asks first, with their number; the answer names it.
    """
    press = read_press(request.POST)
    if press is None:
        raise Http404
    rows = sorted(set(press.seen))
    if press.decision is Decision.UNMAP and len(rows) > 1 and request.POST.get("number") != str(len(rows)):
        request.session[ASKED] = {"rows": rows, "place": _place(request)}
        return redirect("integrations:drift_ask")
    person = colleagues().filter(pk=press.person).first() if press.person else None
    if press.decision is Decision.ASSIGN and press.person and person is None:
        messages.error(request, "Rows cannot be given to this person any more. Choose somebody else.")
        return _back(request)
    batch = Batch(actor_of(request))
    try:
        outcome = decide_cases(
            batch, _instances(request), press.decision, press.seen, company=press.company, person=person
        )
    except Company.DoesNotExist as error:
        raise Http404 from error
    except (ChangedMeanwhile, CompanyNotOffered, OrganizationDeleted):
        messages.error(request, "The row or the company changed since the page was shown. Look again.")
    else:
        _tell(request, batch, _said(press.decision, person), outcome)
    return _back(request)


@needs("map_organizations")
@require_GET
def ask(request: SignedInRequest) -> HttpResponse:
    """Whether to unmap all the rows that were ticked: a page of its own, so that Back sends nothing again."""
    asked = request.session.get(ASKED, {"rows": [], "place": {}})
    context = {"rows": asked["rows"], "place": asked["place"], "query_string": urlencode(asked["place"])}
    return render(request, "integrations/drift/unmap.html", context)


def _place(request: SignedInRequest) -> dict[str, str]:
    return {name: request.POST[name] for name in PLACE if request.POST.get(name)}


def _back(request: SignedInRequest) -> HttpResponse:
    """The page of the inbox that was pressed on."""
    request.session.pop(ASKED, None)
    params = _place(request)
    address = reverse("integrations:drift")
    return redirect(f"{address}?{urlencode(params)}" if params else address)


def _said(decision: Decision, person: User | None) -> str:
    """What was done, in words."""
    if decision is not Decision.ASSIGN:
        return str(decision.label)
    return f"given to {person.get_full_name() or person.get_username()}" if person else "given to nobody"


def _tell(request: SignedInRequest, batch: Batch, done: str, outcome: DecideOutcome) -> None:
    if outcome.done:
        rows = "1 mapping" if outcome.done == 1 else f"{outcome.done:,} mappings"
        tell_recorded(request, batch, f"{rows} {done}.")
    if outcome.left:
        names = "; ".join(outcome.left[:MOST_NAMED]) + ("; …" if len(outcome.left) > MOST_NAMED else "")
        messages.warning(request, f"Left as they are, having changed since the page was shown: {names}.")
    if not outcome.done and not outcome.left:
        messages.warning(request, "Nothing was done: no row was ticked, or none is there any more.")


@needs("view_integrationinstance")
@require_GET
def refreshes(request: SignedInRequest) -> HttpResponse:
    """What each refresh changed, the newest first."""
    instances = _instances(request)
    wanted = whole_number(request.GET.get("instance", ""))
    chosen = instances.filter(pk=wanted) if wanted else instances
    page = read_summaries(chosen, whole_number(request.GET.get("page", "")) or 1)
    context = {
        "page": page,
        "rows": [(each, _counts(each)) for each in page],
        "instances": instances,
        "wanted": wanted,
    }
    return render(request, "integrations/drift/refreshes.html", context)


@needs("view_integrationinstance")
@require_GET
def refresh(request: SignedInRequest, pk: int) -> HttpResponse:
    """What one refresh changed, company by company."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in RecordChange.Kind.values else ""
    try:
        found = read_summary(_instances(request), pk, kind, whole_number(request.GET.get("page", "")) or 1)
    except (RefreshSummary.DoesNotExist, OverflowError) as error:
        raise Http404 from error
    tabs = [(each.value, each.label, number) for each, number in found.counts.items()]
    labels = type_labels(found.summary.instance)
    context = {"found": found, "kind": kind, "tabs": tabs, "type_labels": labels}
    return render(request, "integrations/drift/refresh.html", context)


def _counts(summary: RefreshSummary) -> list[tuple[str, int]]:
    """What it changed, in words and numbers."""
    return [
        (each.label, summary.counts[each.value])
        for each in RecordChange.Kind
        if summary.counts.get(each.value)
    ]


def _instances(request: SignedInRequest) -> InstanceQuerySet:
    return IntegrationInstance.objects.visible_to(request.user).present()
