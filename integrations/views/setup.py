"""The setup page as a whole: what its cards need to be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode

from integrations.forms.filters import BaseFilterFormSet, FilterFormSet, initial_rows
from integrations.forms.mapping_table import shown_columns, table_query
from integrations.forms.schedules import ScheduleForm
from integrations.models import IntegrationInstance, Organization
from integrations.psa.forms import ConnectionForm
from integrations.psa.registry import PROVIDERS, Provider, UnknownPSA, provider_for
from integrations.services.companies.filters import conditions_of, filter_fields, filter_words, type_labels
from integrations.services.instances.catch_all import catch_all_company
from integrations.services.instances.lookup import find_instance, listed_instances
from integrations.services.jobs.run import shown_job
from integrations.services.mapping.counts import HERE, RowState, pending_changes
from integrations.services.mapping.preferences import COLUMN_LABELS, TableView, table_view
from integrations.services.mapping.rows import FALLING_SORTS, PAGE_SIZES, SORTS, TableQuery
from integrations.services.mapping.table import STATE_LABELS, has_row, mapping_table
from integrations.services.mapping.warnings import NEXT_STEPS, WARNING_LABELS
from integrations.views.common import SignedInRequest, needs
from integrations.views.mapping_rows import row_frame, shown_rows

KEPT_VIEW = {"columns", "size", "sort", "dir"}  # what "Clear" leaves of a table's address
SHOWN_FIELDS = {"q", "tier", "type", "sort"}  # the fields of the form above the table
MOST_OF_AN_ADDRESS = 2000  # characters


def provider_or_404(psa: str) -> Provider:
    """The PSA of the address; an unknown one is a 404."""
    try:
        return provider_for(psa)
    except UnknownPSA as error:
        raise Http404 from error


def instance_or_404(request: SignedInRequest, psa: str, pk: int) -> IntegrationInstance:
    """The instance of the address, if this person may see it."""
    found = find_instance(request.user, psa, pk)
    if found is None:
        raise Http404
    return found


def organization_or_404(request: SignedInRequest, instance: IntegrationInstance, pk: int) -> Organization:
    """The organization of the address, if it has a row in the instance's table."""
    organization = get_object_or_404(Organization.objects.visible_to(request.user).present(), pk=pk)
    if not has_row(instance, organization):
        raise Http404
    return organization


@needs("view_integrationinstance")
def setup(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """The setup page of one configuration."""
    return setup_page(request, instance_or_404(request, psa, pk))


def setup_page(
    request: SignedInRequest,
    instance: IntegrationInstance,
    *,
    connection: ConnectionForm | None = None,
    check: Mapping[str, Any] | None = None,
    filters: BaseFilterFormSet | None = None,
    preview: Mapping[str, Any] | None = None,
    schedule: ScheduleForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Draw the page; a card that was just submitted brings its own bound form."""
    prefetch_related_objects([instance], "filters")  # their card and their words both read them
    context = {
        **frame(request, provider_for(instance.psa), instance),
        "connection": connection or connection_form(instance),
        "check": check or instance.last_check,
        "filters": filters or filter_forms(instance),
        "filter_words": filter_words(instance),
        "preview": preview,
        "schedule": schedule or schedule_form(instance),
        "catch_all": catch_all_company(instance),
        **table_context(request, instance),
    }
    return render(request, "integrations/setup.html", context, status=status)


def frame(
    request: SignedInRequest, provider: Provider, instance: IntegrationInstance | None
) -> dict[str, Any]:
    """The head of the page: breadcrumb and configuration switcher."""
    return {
        "provider": provider,
        "providers": PROVIDERS.values(),
        "instance": instance,
        "instances": SimpleLazyObject(lambda: listed_instances(request.user, provider.key)),
    }


def connection_form(instance: IntegrationInstance, data: Any = None) -> ConnectionForm:
    """The connection form of an existing configuration."""
    stored = {
        "name": instance.name,
        "description": instance.description,
        "is_default": instance.is_default,
        "zone": instance.zone,
        "username": instance.username,
    }
    form_class = provider_for(instance.psa).form_class
    return form_class(data, stored=stored, secrets_set=instance.secrets_set, prefix="connection")


def schedule_form(instance: IntegrationInstance) -> ScheduleForm:
    """The schedule as it is stored."""
    return ScheduleForm(
        initial={"refresh_every_hours": instance.refresh_every_hours, "check_daily": instance.check_daily}
    )


def filter_forms(
    instance: IntegrationInstance, data: Any = None, initial: list[dict[str, str]] | None = None
) -> BaseFilterFormSet:
    """The rows of the company filter; one empty row when there is none."""
    if initial is None:
        initial = initial_rows(conditions_of(instance))
    formset: BaseFilterFormSet = FilterFormSet(
        data,
        initial=None if data is not None else (initial or [{}]),
        prefix="filters",
        form_kwargs={"provider": provider_for(instance.psa), "fields": filter_fields(instance)},
    )
    if data is None:
        formset.extra = 0
    return formset


def rows_context(
    request: SignedInRequest,
    instance: IntegrationInstance,
    rows: Iterable[Any],
    usual: TableView | None = None,
) -> dict[str, Any]:
    """The rows of the mapping table, ready to be drawn, and what they share."""
    address = _table_address(request)
    kept, labels = urlencode(_kept(address)), type_labels(instance)
    columns = shown_columns(address, usual or table_view(request.user))
    return {
        "instance": instance,
        "kept": kept,
        "columns": columns,
        "type_labels": labels,
        "rows": shown_rows(rows, labels, columns, kept),
        "frame": row_frame(request, instance, columns),
    }


def _table_address(request: SignedInRequest) -> QueryDict:
    """The query of the page that the table is on: a row that is swapped alone has another address."""
    page: str | None = request.htmx.current_url  # type: ignore[attr-defined]  # set by django-htmx
    if request.method == "GET" or not page:
        return request.GET
    return QueryDict(urlsplit(page).query[:MOST_OF_AN_ADDRESS])


def _kept(address: QueryDict) -> dict[str, str]:
    """What the links of the table keep of its address: everything but the page."""
    return {key: str(value) for key, value in address.items() if key != "page" and value}


def bar_context(request: SignedInRequest, instance: IntegrationInstance) -> dict[str, Any]:
    """What the bar needs that says what saving would do."""
    return {"instance": instance, "table": {"pending": pending_changes(instance, request.user)}}


def table_context(request: SignedInRequest, instance: IntegrationInstance) -> dict[str, Any]:
    """What the mapping card needs."""
    usual = table_view(request.user)
    query = table_query(request.GET, usual.size)
    table = mapping_table(instance, request.user, query)
    kept = _kept(request.GET)
    warnings = [
        (key, WARNING_LABELS[key], number, urlencode({**kept, "state": "", "warning": key}))
        for key, number in table.warnings.items()
    ]
    tabs = [
        ("", "All", table.total, urlencode({k: v for k, v in kept.items() if k not in {"state", "warning"}}))
    ]
    for state in RowState:
        number = table.counts.get(state.value, 0)
        if number or query.state == state.value:
            tabs.append(
                (
                    state.value,
                    STATE_LABELS[state],
                    number,
                    urlencode({**kept, "state": state.value, "warning": ""}),
                )
            )
    return {
        **rows_context(request, instance, table.page.object_list, usual),
        "table": table,
        "tabs": tabs,
        "warnings": warnings,
        "next_step": NEXT_STEPS[query.warning] if query.warning in table.warnings else "",
        "unfiltered": urlencode({name: value for name, value in kept.items() if name in KEPT_VIEW}),
        "hidden": [(name, value) for name, value in kept.items() if name not in SHOWN_FIELDS],
        "page_sizes": PAGE_SIZES,
        "column_labels": COLUMN_LABELS,
        "sort_links": _sort_links(kept, query),
        "companies_known": any(table.counts.get(state) for state in HERE) or instance.companies.exists(),
        "job": shown_job(instance, request.user),
    }


def _sort_links(kept: Mapping[str, str], query: TableQuery) -> dict[str, tuple[str, str]]:
    """For each column that sorts: the address that sorts by it, and how it is sorted now (aria-sort)."""
    links = {}
    for name in SORTS:
        is_current = name == query.sort
        way = "desc" if is_current and not query.descending else "asc"
        falls = query.descending != (name in FALLING_SORTS)
        now = ("descending" if falls else "ascending") if is_current else ""
        links[name] = (urlencode({**kept, "sort": name, "dir": way}), now)
    return links
