"""The mapping card: refresh, suggest, choose, save, undo."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.forms.mapping_table import columns_in_address, table_query
from integrations.models import Company, IntegrationInstance, Organization
from integrations.services.audit import Batch, actor_of
from integrations.services.companies import company_choices, type_labels
from integrations.services.mapping import (
    CompanyNotOffered,
    OrganizationElsewhere,
    ReviewQueue,
    RowState,
    SeenTable,
    SharedCompany,
    TableView,
    choose_company,
    confirm_mappings,
    discard_proposal,
    one_row,
    pending_changes,
    remove_mappings,
    save_mappings,
    select_matching,
    select_proposals,
)
from integrations.services.suggestions import ignore_organizations, stop_ignoring
from integrations.views.common import (
    OUTDATED_PAGE,
    SignedInRequest,
    instance_frame,
    on_instance,
    organization_or_404,
    recorded,
    search_text,
    tell_recorded,
    whole_number,
)
from integrations.views.mapping_table import (
    back_to_table,
    bar_context,
    numbers_context,
    rows_context,
    table_context,
)
from integrations.views.row_decisions import ignore_row

ASKED = "asked about shared companies"  # in the session: the organizations that were ticked on the page


@on_instance("view_integrationinstance")
@require_GET
def table(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """The mapping card alone, for a page that learned of new options."""
    return render(request, "integrations/mapping/mappings.html", table_context(request, instance))


@on_instance("view_integrationinstance")
@require_POST
def keep_view(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Keep the columns and the rows a page for this person, and show them; the address tells them too."""
    size = whole_number(request.POST.get("size", "")) or 0
    view = TableView.chosen(request.POST.getlist("column"), size)
    view.keep(request.user)
    query = QueryDict(request.POST.get("table", ""), mutable=True)
    query["columns"], query["size"] = columns_in_address(view.columns), str(view.size)
    address = reverse("integrations:setup", args=[instance.psa, instance.pk])
    return redirect(f"{address}?{query.urlencode()}#mappings")


@on_instance("map_organizations")
@require_POST
def save(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Save Mappings: everything that is ticked."""
    shown, ticked = _numbers(request, "shown"), _numbers(request, "ticked")
    select_proposals(request.user, instance, shown, ticked)
    if "shared" not in request.POST and SharedCompany.by_saving(request.user, instance):
        request.session[ASKED] = ticked
        query = urlencode({"table": request.POST.get("table", "")})
        address = reverse("integrations:mappings_shared", args=[instance.psa, instance.pk])
        return redirect(f"{address}?{query}")
    outcome = save_mappings(Batch(actor_of(request)), request.user, instance, ticked=ticked)
    if outcome.saved:
        messages.success(request, outcome.sentence(), extra_tags=f"undo:{outcome.batch}")
    elif not outcome.conflicts:
        messages.info(request, outcome.sentence())
    for conflict in outcome.conflicts[:10]:
        messages.error(request, conflict.sentence())
    if len(outcome.conflicts) > 10:
        messages.error(request, f"{len(outcome.conflicts) - 10:,} more rows were not saved for such reasons.")
    return back_to_table(request, instance)


@on_instance("map_organizations")
@require_GET
def ask_shared(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Whether several organizations on one company are meant: what Save Mappings asks about what is ticked.

    A page of its own, so that Back and reload send nothing again.
    """
    context = {
        **instance_frame(request, instance),
        "shared": SharedCompany.by_saving(request.user, instance),
        "ticked": request.session.get(ASKED, []),
        "waiting": pending_changes(instance, request.user)["all"],
        "table_address": request.GET.get("table", ""),
    }
    return render(request, "integrations/mapping/shared.html", context)


@on_instance("map_organizations")
@require_POST
def select_row(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Keep a row's tick; answers the bar that says what saving would do."""
    select_proposals(request.user, instance, _numbers(request, "shown"), _numbers(request, "ticked"))
    return render(request, "integrations/mapping/action_bar.html", bar_context(request, instance))


@on_instance("map_organizations")
@require_POST
def select_all(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Tick every row that the address chooses (all pages), or untick every row."""
    chosen = table_query(QueryDict(request.POST.get("chosen", "")))
    ticked = request.POST.get("ticked") == "1"
    number = select_matching(request.user, instance, chosen if ticked else None)
    what = "selected" if ticked else "no longer selected"
    rows = "row" if number == 1 else "rows"
    messages.info(request, f"{number:,} {rows} {what}, on all pages. Nothing is saved yet.")
    return back_to_table(request, instance)


@on_instance("map_organizations")
@require_http_methods(["GET", "POST"])
def decide_all(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Of the rows that the address chooses, keep or unmap all that need review, or ignore unmapped ones.

    GET asks, with their number; POST decides when it names that number, and asks again when there are more by
    now. A mapping of which something changed since the table was shown is left.
    """
    form = request.POST if request.method == "POST" else request.GET
    decision = form.get("decision", "")
    state = {"keep": RowState.REVIEW, "unmap": RowState.REVIEW, "ignore": RowState.UNSUGGESTED}.get(decision)
    if state is None:
        raise Http404
    query = replace(table_query(QueryDict(form.get("chosen", ""))), state=state)
    keys = ReviewQueue.read(instance, request.user, query).ids
    answered = whole_number(form.get("number", ""))
    if request.method == "GET":
        return _ask_about_all(request, instance, decision, len(keys))
    if answered is None or len(keys) > answered:
        asked = {name: form.get(name, "") for name in ("decision", "chosen", "table", "seen")}
        return redirect(f"{request.path}?{urlencode(asked)}")
    _decide_all(request, instance, decision, keys)
    return back_to_table(request, instance)


def _ask_about_all(
    request: SignedInRequest, instance: IntegrationInstance, decision: str, number: int
) -> HttpResponse:
    context = {
        **instance_frame(request, instance),
        "decision": decision,
        "number": number,
        "asked": {name: request.GET.get(name, "") for name in ("chosen", "table", "seen")},
    }
    return render(request, "integrations/mapping/decide_all.html", context)


def _decide_all(
    request: SignedInRequest, instance: IntegrationInstance, decision: str, keys: list[int]
) -> None:
    """Do it, and say of how many rows, and how many were left."""
    batch, seen = Batch(actor_of(request)), SeenTable.read(request.POST.get("seen", ""))
    left = 0
    if seen is None and decision != "ignore":
        messages.warning(request, OUTDATED_PAGE)
        return
    if decision == "keep":
        number, done = len(confirm_mappings(batch, instance, keys, seen)), "kept as they are"
        left = len(keys) - number
    elif decision == "unmap":
        number, done = remove_mappings(batch, instance=instance, organizations=keys, seen=seen), "unmapped"
        left = len(keys) - number
    else:
        number, done = ignore_organizations(batch, instance, keys), "ignored from now on"
    tell_recorded(request, batch, f"{number:,} {'row is' if number == 1 else 'rows are'} {done}.")
    if left:
        rows = "1 row is left as it is: it" if left == 1 else f"{left:,} rows are left as they are: they"
        messages.warning(request, f"{rows} changed since the page was shown. Look again.")


@on_instance("map_organizations")
@require_http_methods(["GET", "POST"])
def choose(request: SignedInRequest, instance: IntegrationInstance, organization_id: int) -> HttpResponse:
    """GET: search the companies for a row (a whole page, or the list of a combobox). POST: choose one."""
    organization = organization_or_404(request, instance, organization_id)
    if request.method == "POST":
        return _choose(request, instance, organization)
    text = search_text(request.GET.get("q", ""))
    is_list = bool(request.htmx)
    # What is found by a text does not depend on what is proposed for the row.
    row = organization if text and is_list else one_row(instance, request.user, organization.pk)
    context = {
        **instance_frame(request, instance),
        "row": row,
        "q": text,
        "choices": company_choices(instance, row, text),
        "table_address": request.GET.get("table", ""),
        "type_labels": type_labels(instance),
    }
    if is_list:
        return render(request, "integrations/mapping/company_options.html", context)
    return render(request, "integrations/mapping/choose.html", context)


def _choose(
    request: SignedInRequest, instance: IntegrationInstance, organization: Organization
) -> HttpResponse:
    company_key = request.POST.get("company", "")
    company: Company | None = None
    if company_key:
        company = get_object_or_404(instance.companies, pk=whole_number(company_key))
    try:
        choose_company(request.user, instance, organization, company, moves="move" in request.POST)
    except OrganizationElsewhere as error:
        messages.error(
            request, f"{organization.name} is mapped in “{error}”. Use “Move here” to take it over."
        )
    except CompanyNotOffered as error:
        raise Http404 from error
    return _row_or_back(request, instance, organization)


@on_instance("map_organizations")
@require_POST
def discard(request: SignedInRequest, instance: IntegrationInstance, organization_id: int) -> HttpResponse:
    """Forget what was chosen or suggested for a row."""
    organization = organization_or_404(request, instance, organization_id)
    discard_proposal(request.user, instance, organization)
    return _row_or_back(request, instance, organization)


@on_instance("map_organizations")
@require_POST
def ignore(request: SignedInRequest, instance: IntegrationInstance, organization_id: int) -> HttpResponse:
    """Leave an organization deliberately unmapped, or take that back."""
    organization = organization_or_404(request, instance, organization_id)
    if request.POST.get("ignored") == "0":
        with recorded(request, f"{organization.name} is open again.") as batch:
            stop_ignoring(batch, instance, organization)
    else:
        ignore_row(request, instance, organization)
    return _row_or_back(request, instance, organization)


def _row_or_back(
    request: SignedInRequest, instance: IntegrationInstance, organization: Organization
) -> HttpResponse:
    """The row with the action bar for a page that swaps it, or the whole page."""
    if not request.htmx:
        return back_to_table(request, instance)
    row = one_row(instance, request.user, organization.pk)
    context = {**rows_context(request, instance, [row]), **numbers_context(request, instance)}
    return render(request, "integrations/mapping/swapped_row.html", context)


def _numbers(request: SignedInRequest, name: str) -> list[int]:
    numbers = [whole_number(value) for value in request.POST.getlist(name)]
    return [number for number in numbers if number is not None]
