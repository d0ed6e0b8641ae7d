"""The companies of a configuration: read them anew, find a missing one, make organizations of them."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from integrations.forms.imports import companies_answers, companies_query
from integrations.models import IntegrationInstance, Job
from integrations.services.audit import Batch, actor_of
from integrations.services.companies import (
    Absence,
    NothingToAccept,
    find_missing_company,
    type_labels,
)
from integrations.services.expectations import standing_of
from integrations.services.imports import company_page, order_companies
from integrations.services.jobs import shown_job
from integrations.tasks import enqueue_company_import, enqueue_refresh
from integrations.views.common import (
    SignedInRequest,
    instance_frame,
    needs,
    on_instance,
    search_text,
)
from integrations.views.mapping_table import back_to_table

COMPANIES_A_PAGE = 100
COMPANY_PARAMS = ("q", "status", "type", "mapped", "page")


@on_instance("map_organizations")
@require_POST
def refresh(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Refresh Options: start reading in the background."""
    if "gone" in request.POST:
        return _accept(request, instance)
    started = enqueue_refresh(instance, request.user, full="full" in request.POST)
    if started.is_slow:
        messages.warning(
            request,
            f"No other refresh was started: the one of {started.starter or 'the portal'} has not ended yet. "
            "If it is stuck, cancel it and press again.",
        )
    return back_to_table(request, instance)


def _accept(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Read again and mark those as gone that the warning on the page names, and no others."""
    try:
        absence = Absence.named(instance)
    except NothingToAccept:
        messages.error(
            request,
            "Nothing was done: no warning names a company that did not come, or a refresh waits to be "
            "decided first. Look again.",
        )
        return back_to_table(request, instance)
    with transaction.atomic():  # no worker begins before it is recorded who said so
        started = enqueue_refresh(instance, request.user, full=True, gone=absence.ids or ())
        is_ordered = Job.objects.filter(pk=started.pk, options__gone=absence.ids).exists()
        if is_ordered:
            absence.note_accepted(Batch(actor_of(request)))
    if not is_ordered:
        messages.warning(request, "Another refresh is under way. When it has ended, look again.")
    return back_to_table(request, instance)


@on_instance("view_integrationinstance")
@require_GET
def job(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """The progress of the latest refresh; asks again by itself until it has ended."""
    latest = shown_job(instance, request.user)
    ended = latest is not None and not latest.is_open
    context = {
        "instance": instance,
        "job": latest,
        "ended": ended,
        "just_ended": _ended_as(latest, instance) if ended else [],
        "standing": standing_of(instance, timezone.now()) if ended else None,
    }
    response = render(request, "integrations/setup/job.html", context)
    if ended:
        response.headers["HX-Trigger"] = "options-refreshed"
    return response


def _ended_as(job: Job | None, instance: IntegrationInstance) -> list[Message]:
    """What the job that has just ended came to, for whoever has scrolled away from its line."""
    if job is None:
        return []
    if job.state == Job.State.FAILED:
        return [Message(messages.ERROR, f"{job.get_kind_display()} failed. {job.error}")]
    stopped = "cancelled. " if job.state == Job.State.CANCELLED else ""
    done = messages.WARNING if instance.company_warnings else messages.SUCCESS
    text = f"{job.get_kind_display()}: {stopped}{job.message}"
    return [Message(messages.INFO if stopped else done, text)]


@on_instance("map_organizations")
@require_POST
def cancel_job(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Stop the running refresh within a page."""
    open_job = instance.jobs.shown_to(request.user.pk).open().first()
    if open_job is not None:
        open_job.request_cancel()
    return back_to_table(request, instance)


@on_instance("view_integrationinstance")
@require_GET
def missing(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Why is my company missing?"""
    text = search_text(request.GET.get("q", ""))
    context = {
        **instance_frame(request, instance),
        "q": text,
        "answer": find_missing_company(instance, text) if text else None,
    }
    return render(request, "integrations/companies/missing.html", context)


@needs("add_organization")
@on_instance("map_organizations")
@require_GET
def companies(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """The companies to pick from, with what the portal would do; what is shown is in the address."""
    return _companies_page(request, instance, request.GET, None)


@needs("add_organization")
@on_instance("map_organizations")
@require_POST
def import_companies(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Start importing the ticked companies, or all that the address chooses; the answer is the report.

    The page is shown again, and nothing is started, where somebody asks how many there are, has not said what
    becomes of a ticked company, or all come to other numbers than the button said.
    """
    chosen = QueryDict(request.POST.get("chosen", ""))
    answers = None if "all" in request.POST else companies_answers(request.POST)
    order = order_companies(request.user, instance, answers, companies_query(chosen)[0])
    if "count" in request.POST:
        return _companies_page(request, instance, chosen, answers)
    if answers is None and "expected" in request.POST and request.POST["expected"] != _told(order.counts):
        messages.warning(request, "Nothing was started: it comes to other numbers by now. Look again.")
        return _companies_page(request, instance, chosen, None, status=409)
    if order.unsaid:
        some = f"{len(order.unsaid):,} ticked compan{'y' if len(order.unsaid) == 1 else 'ies'}"
        messages.error(
            request, f"Nothing was started: say for {some} which organization it is, or Create new."
        )
        return _companies_page(request, instance, chosen, answers, status=422)
    if not any(order.counts):
        messages.info(request, "Nothing was imported: no company was ticked.")
        return redirect("integrations:companies_import", instance.psa, instance.pk)
    job, created = enqueue_company_import(instance, request.user, actor_of(request), order.as_options())
    if not created:
        messages.warning(request, "Another import of this configuration is still running; here it is.")
    return redirect("integrations:import_report", job.key)


def _told(counts: tuple[int, int]) -> str:
    """The numbers of the button, as its form sends them."""
    return ",".join(str(count) for count in counts)


def _companies_page(
    request: SignedInRequest,
    instance: IntegrationInstance,
    params: QueryDict,
    answers: dict[int, str] | None,
    *,
    status: int = 200,
) -> HttpResponse:
    query, number = companies_query(params)
    shown = company_page(request.user, instance, query, number, COMPANIES_A_PAGE, answers)
    address_params = {name: str(params[name]) for name in COMPANY_PARAMS if params.get(name)}
    labels = type_labels(instance)
    context = {
        **instance_frame(request, instance),
        "query": query,
        "shown": shown,
        "page": shown.page,
        "chosen": urlencode(address_params),
        "expected": _told(shown.every.counts),
        "types": sorted(labels.items(), key=lambda pair: pair[1].casefold()),
        "type_labels": labels,
        "job": instance.jobs.filter(kind=Job.Kind.IMPORT_ORGANIZATIONS).open().first(),
    }
    return render(request, "integrations/companies/import.html", context, status=status)
