"""The mapping table, made ready for its templates: what it needs as a whole, and what each row shows.

Fifty rows of a page are drawn for every look at it. So a row comes as flat text, and what is drawn is kept
for the next who looks: a row that shows the same is the same markup (templatetags/portal.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from integrations.forms.mapping_table import shown_columns, table_query
from integrations.models import Company, IntegrationInstance, Job, MappingProposal, OrganizationMapping
from integrations.services.companies import type_labels
from integrations.services.jobs import shown_job
from integrations.services.mapping import (
    COLUMN_LABELS,
    FALLING_SORTS,
    NEXT_STEPS,
    PAGE_SIZES,
    SORTS,
    SURE_BY,
    WARNING_LABELS,
    MappingTable,
    RowState,
    SeenTable,
    TableNumbers,
    TableQuery,
    TableView,
    mapping_table,
    pending_changes,
)
from integrations.views.common import SignedInRequest
from integrations.views.last_step import LastStep, last_step

VIEW_PARAMS = {"columns", "size", "sort", "dir"}  # what "Clear" leaves of a table's address
CHOSEN_PARAMS = ("state", "tier", "warning", "q")  # what the review takes of it
SHOWN_FIELDS = {"q", "tier", "type", "sort"}  # the fields of the form above the table
MOST_OF_AN_ADDRESS = 2000  # characters
PAST_JOB = "past_job"  # of a session: the newest job after whose end something else was done
MOST_REASONS = 3
SELECTABLE_STATES = (
    "",
    RowState.SUGGESTED.value,
    RowState.CHANGED.value,
    RowState.UNMAPPED.value,
)  # whose rows may have something to save


@dataclass(frozen=True)
class RowFrame:
    """What all rows of a page share: where their links lead, and what this person may do.

    ``chosen`` (the rows that the table shows) and ``place`` (its whole address, quoted) are what links that
    lead away and back take with them. The same row is the same markup wherever it stands, so they are set in
    afterwards.
    """

    mappings_address: str
    review_address: str
    history_address: str
    can_map: bool
    can_see_history: bool
    columns: tuple[str, ...]
    chosen: str = field(compare=False)
    place: str = field(compare=False)


@dataclass(frozen=True)
class ShownCompany:
    """The company of a row, in words. ``details`` tells what no column of its own does.

    ``former_name`` is what it was called when it was mapped, if that was something else.
    """

    key: str
    name: str
    kind: str
    city: str
    details: str
    former_name: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class ShownConflict:
    """A row that a colleague saved after this person had looked: who, and what stands there now."""

    saved_by: str
    saved_name: str


@dataclass(frozen=True)
class ShownRow:
    """One row. ``share`` is its confidence (0 to 1), ``changed_at`` the moment as the page tells it."""

    key: str
    name: str
    details: str
    is_active: bool
    external_id: str
    state: str
    can_save: bool
    is_ticked: bool
    moves: bool
    company: ShownCompany | None
    conflict: ShownConflict | None
    removed_name: str
    other_name: str
    other_address: str
    share: float | None
    tier: str
    reason: str
    more: str
    changed_at: str
    changed_by: str
    can_clear: bool


def row_frame(
    request: SignedInRequest,
    instance: IntegrationInstance,
    columns: tuple[str, ...],
    address: Mapping[str, str],
) -> RowFrame:
    """The frame of the rows that this person sees of the instance, on the table at ``address``."""
    return RowFrame(
        mappings_address=reverse("integrations:mappings", args=[instance.psa, instance.pk]),
        review_address=reverse("integrations:review", args=[instance.psa, instance.pk]),
        history_address=reverse("integrations:history"),
        can_map=request.user.has_perm("integrations.map_organizations"),
        can_see_history=request.user.has_perm("integrations.view_auditevent"),
        columns=columns,
        chosen="".join(f"{urlencode({name: address[name]})}&" for name in CHOSEN_PARAMS if name in address),
        place=urlencode({"table": urlencode(address)}),
    )


def shown_rows(rows: Iterable[Any], labels: Mapping[str, str], columns: Collection[str]) -> list[ShownRow]:
    """The rows of services/mapping/table.py as their template wants them.

    ``labels`` are the tenant's company types.
    """
    return [_shown(row, labels, columns) for row in rows]


def _shown(row: Any, labels: Mapping[str, str], columns: Collection[str]) -> ShownRow:
    proposal, mapping = row.proposal, row.mapping
    elsewhere = row.mapping_state == RowState.ELSEWHERE
    company = proposal.company if proposal else mapping.company if mapping else None
    cleared = proposal is not None and proposal.kind == MappingProposal.Kind.CLEARED
    can_save = proposal is not None and (cleared or proposal.company is not None)
    share, tier, reason = _confidence(proposal, mapping, elsewhere)
    return ShownRow(
        key=str(row.pk),
        name=row.name,
        details=" · ".join(filter(None, (row.domain, row.city))),
        is_active=row.is_active,
        external_id=row.external_id,
        state=row.mapping_state,
        can_save=can_save,
        is_ticked=can_save and proposal.selected,
        moves=proposal is not None and proposal.moves,
        company=_company(company, None if proposal else mapping, labels, columns, shared=row.shares_company)
        if company
        else None,
        conflict=_conflict(proposal, mapping),
        removed_name=mapping.company.name if cleared and mapping else "",
        other_name=mapping.instance.name if elsewhere else "",
        other_address=mapping.instance.get_absolute_url() if elsewhere else "",
        share=share,
        tier=tier,
        reason=reason[0] if reason else "",
        more="; ".join(reason[1:]),
        changed_at=f"{timezone.localtime(mapping.confirmed_at):%Y-%m-%d %H:%M %Z}" if mapping else "",
        changed_by=str(mapping.confirmed_by or "") if mapping else "",
        can_clear=mapping is not None and not elsewhere,
    )


def _company(
    company: Company,
    mapping: OrganizationMapping | None,
    labels: Mapping[str, str],
    columns: Collection[str],
    *,
    shared: bool,
) -> ShownCompany:
    """The company in words; with the ``mapping`` that it stands in, if nothing else is wanted."""
    number = company.company_type
    kind = "" if number is None else labels.get(str(number), str(number))
    tags = ["shared"] if shared else []
    if not company.is_active:
        tags.append("inactive")
    if company.missing_since:
        tags.append("no longer in Autotask")
    elif not company.in_filter:
        tags.append("outside the filter")
    if company.has_twin:
        tags.append("twice in Autotask")
    confirmed_name = mapping.confirmed_name if mapping else ""
    details = (
        "" if "type" in columns else kind,
        "" if "city" in columns else company.city,
        f"id {company.remote_id}",
    )
    return ShownCompany(
        key=str(company.pk),
        name=company.name,
        kind=kind,
        city=company.city,
        details=" · ".join(filter(None, details)),
        former_name=confirmed_name if confirmed_name != company.name else "",
        tags=tuple(tags),
    )


def _conflict(proposal: MappingProposal | None, mapping: OrganizationMapping | None) -> ShownConflict | None:
    if not proposal or not mapping or mapping.version == proposal.seen_version:
        return None
    return ShownConflict(str(mapping.confirmed_by or "Somebody"), mapping.company.name)


def _confidence(
    proposal: MappingProposal | None, mapping: OrganizationMapping | None, elsewhere: bool
) -> tuple[float | None, str, Sequence[str]]:
    """How sure the shown company is, its tier, and why."""
    if proposal is not None:
        if proposal.kind != MappingProposal.Kind.SUGGESTED:
            return None, "", ()
        share = proposal.confidence if proposal.company else None
        rests_on = SURE_BY.get((proposal.tier, proposal.match_kind), "")
        return share, proposal.tier, [*filter(None, [rests_on]), *proposal.reasons[:MOST_REASONS]]
    if mapping is None or elsewhere:
        return None, "", ()
    if mapping.confidence is None:
        return None, "", (mapping.get_source_display(),)
    return mapping.confidence, "", mapping.reasons[:MOST_REASONS]


def rows_context(
    request: SignedInRequest,
    instance: IntegrationInstance,
    rows: Iterable[Any],
    usual: TableView | None = None,
) -> dict[str, Any]:
    """The rows of the mapping table, ready to be drawn, and what they share."""
    address = _table_address(request)
    lasting, labels = _lasting_params(address), type_labels(instance)
    page = address.get("page", "")
    columns = shown_columns(address, usual or TableView.of(request.user))
    return {
        "instance": instance,
        "query_string": urlencode(lasting),
        "columns": columns,
        "type_labels": labels,
        "rows": shown_rows(rows, labels, columns),
        "frame": row_frame(request, instance, columns, {**lasting, "page": page} if page else lasting),
    }


def _table_address(request: SignedInRequest) -> QueryDict:
    """The query of the page that the table is on: a row that is swapped alone has another address."""
    page: str | None = request.htmx.current_url
    if request.method == "GET" or not page:
        return request.GET
    return QueryDict(urlsplit(page).query[:MOST_OF_AN_ADDRESS])


def _lasting_params(address: QueryDict) -> dict[str, str]:
    """What the links of the table keep of its address: all but its page and an open filter."""
    return {key: str(value) for key, value in address.items() if key not in {"page", "open"} and value}


def bar_context(request: SignedInRequest, instance: IntegrationInstance) -> dict[str, Any]:
    """What the bar needs that says what saving would do."""
    return {"instance": instance, "table": {"pending": pending_changes(instance, request.user)}}


def numbers_context(request: SignedInRequest, instance: IntegrationInstance) -> dict[str, Any]:
    """What stands above and below the rows, for a page of which one row is swapped."""
    address = _table_address(request)
    query = table_query(address)
    numbers = TableNumbers.read(instance, request.user, query)
    return {
        "table": numbers,
        "tabs": _state_tabs(numbers, query, _lasting_params(address)),
        "number": numbers.chosen(instance, request.user),
        **_all_rows(numbers, query),
    }


def table_context(request: SignedInRequest, instance: IntegrationInstance) -> dict[str, Any]:
    """What the mapping card needs."""
    usual = TableView.of(request.user)
    query = table_query(request.GET, usual.size)
    # Before the rows are read: what comes meanwhile counts as not seen.
    seen = SeenTable.now() if query.state == RowState.REVIEW else ""
    table = mapping_table(instance, request.user, query)
    address_params = _lasting_params(request.GET)
    warnings = [
        (key, WARNING_LABELS[key], number, urlencode({**address_params, "state": "", "warning": key}))
        for key, number in table.warnings.items()
    ]
    return {
        **rows_context(request, instance, table.page.object_list, usual),
        "table": table,
        "seen": seen,
        "tabs": _state_tabs(table, query, address_params),
        "warnings": warnings,
        "next_step": NEXT_STEPS[query.warning] if query.warning in table.warnings else "",
        "unfiltered": urlencode(
            {name: address_params[name] for name in address_params if name in VIEW_PARAMS}
        ),
        "hidden": [(name, value) for name, value in address_params.items() if name not in SHOWN_FIELDS],
        **_all_rows(table, query),
        "page_sizes": PAGE_SIZES,
        "column_labels": COLUMN_LABELS,
        "sort_links": _sort_links(address_params, query),
        "job": (job := shown_job(instance, request.user)),
        "last_step": (step := last_step(request, instance)),
        "job_is_past": _is_past(request, job, step),
    }


def _is_past(request: SignedInRequest, job: Job | None, step: LastStep | None) -> bool:
    """Whether this person has done something since the job ended, whose outcome its line would seem to be."""
    if job is None or job.finished_at is None:
        return False
    return job.pk <= request.session.get(PAST_JOB, 0) or (step is not None and step.at > job.finished_at)


def leave_job_behind(request: SignedInRequest, instance: IntegrationInstance) -> None:
    """From now on this session is told of later jobs of the instance only: something else was done here."""
    job = shown_job(instance, request.user)
    if job is not None and not job.is_open:
        request.session[PAST_JOB] = max(job.pk, request.session.get(PAST_JOB, 0))


def _all_rows(table: MappingTable | TableNumbers, query: TableQuery) -> dict[str, Any]:
    """What can be done with all rows that the table chooses."""
    ignorable = query.state == RowState.UNMAPPED and not _has_suggestions(table)
    return {
        "selectable_states": SELECTABLE_STATES,
        "can_ignore_all": query.state == RowState.UNSUGGESTED or ignorable,
    }


def _has_suggestions(table: MappingTable | TableNumbers) -> bool:
    """Whether some unmapped rows have a suggestion, or a choice that is not saved."""
    return table.counts.get(RowState.UNSUGGESTED, 0) != table.counts.get(RowState.UNMAPPED, 0)


def _state_tabs(
    table: MappingTable | TableNumbers, query: TableQuery, address_params: Mapping[str, str]
) -> list[tuple[str, str, int, str]]:
    """For each state that rows are in: its key, label, number of rows, and the query that shows them."""
    in_any_state = {name: value for name, value in address_params.items() if name not in {"state", "warning"}}
    tabs = [("", "All", table.total, urlencode(in_any_state))]
    for state in RowState:
        number = table.counts.get(state.value, 0)
        if state == RowState.UNSUGGESTED and not _has_suggestions(table):
            number = 0  # the tab of all unmapped rows shows as much
        if number or query.state == state.value:
            in_state = urlencode({**address_params, "state": state.value, "warning": ""})
            tabs.append((state.value, state.label, number, in_state))
    return tabs


def _sort_links(address_params: Mapping[str, str], query: TableQuery) -> dict[str, tuple[str, str]]:
    """For each column that sorts: the address that sorts by it, and how it is sorted now (aria-sort)."""
    links = {}
    for name in SORTS:
        is_current = name == query.sort
        way = "desc" if is_current and not query.descending else "asc"
        falls = query.descending != (name in FALLING_SORTS)
        now = ("descending" if falls else "ascending") if is_current else ""
        links[name] = (urlencode({**address_params, "sort": name, "dir": way}), now)
    return links


def back_to_table(
    request: SignedInRequest, instance: IntegrationInstance, shows: RowState | None = None
) -> HttpResponse:
    """Back to the table as it was: its address travels in the hidden field ``table``.

    Where all rows were chosen and the first page has none in the state ``shows``, the tab of that state, if
    there are some at all: what was just made is to be seen.
    """
    query = QueryDict(request.POST.get("table", ""), mutable=True)
    if shows is not None and not table_query(query).is_narrowed:
        table = mapping_table(instance, request.user, table_query(query, TableView.of(request.user).size))
        rows: Iterable[Any] = table.page.object_list
        is_seen = any(row.mapping_state == shows for row in rows)
        if table.counts.get(shows.value) and not is_seen:
            query["state"] = shows.value
    address = reverse("integrations:setup", args=[instance.psa, instance.pk])
    return redirect(f"{address}?{query.urlencode()}#mappings" if query else f"{address}#mappings")
