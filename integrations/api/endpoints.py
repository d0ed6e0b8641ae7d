"""The operations: one function an address; each asks one service and translates the answer."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils import timezone
from ninja import Path, Query, Router

from integrations.api import rows, schemas
from integrations.api.auth import ApiRequest, BearerToken
from integrations.models import Right
from integrations.models.instances import LARGEST_ID
from integrations.services.expectations import standing
from integrations.services.read_api import (
    By,
    Fallback,
    Question,
    changes_after,
    latest_position,
    of_instance,
    page_after,
    page_before,
    resolve,
    visible,
)

router = Router()

DEFAULT_LIMIT, MOST_ROWS = 100, 500

RowId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Cursor = Annotated[int, Query(ge=0, le=LARGEST_ID, description="Where to go on: `next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="How many rows a page has at most.")]
InstanceId = Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Only rows of this instance.")]


def answers(model: Any, *, refusals: tuple[int, ...] = ()) -> dict[int, Any]:
    """The answers that an operation documents; every one may also refuse the token or the parameters."""
    return {200: model} | dict.fromkeys((401, 403, *refusals, 422, 429), schemas.Problem)


@router.get(
    "/organizations",
    operation_id="listOrganizations",
    summary="List organizations",
    tags=["organizations"],
    response=answers(schemas.Listed[schemas.OrganizationOut]),
    auth=BearerToken(Right.ORGANIZATIONS),
)
def list_organizations(
    request: ApiRequest, cursor: Cursor = 0, limit: Limit = DEFAULT_LIMIT
) -> schemas.Listed[schemas.OrganizationOut]:
    """By id. A token that is limited to instances sees the organizations that are mapped there."""
    page = page_after(request.auth.organization_rows(), cursor, limit)
    return schemas.Listed(items=[rows.organization_out(row) for row in page.rows], next=page.next)


@router.get(
    "/organizations/{organization_id}",
    operation_id="getOrganization",
    summary="One organization",
    tags=["organizations"],
    response=answers(schemas.OrganizationOut, refusals=(404,)),
    auth=BearerToken(Right.ORGANIZATIONS),
)
def get_organization(request: ApiRequest, organization_id: RowId) -> schemas.OrganizationOut:
    """By our id."""
    return rows.organization_out(visible(request.auth.organization_rows(), organization_id))


@router.get(
    "/instances",
    operation_id="listInstances",
    summary="List instances",
    tags=["instances"],
    response=answers(schemas.Listed[schemas.InstanceOut]),
    auth=BearerToken(None),
)
def list_instances(
    request: ApiRequest, cursor: Cursor = 0, limit: Limit = DEFAULT_LIMIT
) -> schemas.Listed[schemas.InstanceOut]:
    """The instances (configurations) that the token sees. Any token may ask; credentials are never shown."""
    page = page_after(request.auth.instance_rows(), cursor, limit)
    return schemas.Listed(items=[rows.instance_out(row) for row in page.rows], next=page.next)


@router.get(
    "/instances/{instance_id}",
    operation_id="getInstance",
    summary="One instance",
    tags=["instances"],
    response=answers(schemas.InstanceOut, refusals=(404,)),
    auth=BearerToken(None),
)
def get_instance(request: ApiRequest, instance_id: RowId) -> schemas.InstanceOut:
    """By our id."""
    return rows.instance_out(visible(request.auth.instance_rows(), instance_id))


@router.get(
    "/companies",
    operation_id="listCompanies",
    summary="List companies",
    tags=["companies"],
    response=answers(schemas.Listed[schemas.CompanyOut], refusals=(404,)),
    auth=BearerToken(Right.COMPANIES),
)
def list_companies(
    request: ApiRequest, instance: InstanceId = None, cursor: Cursor = 0, limit: Limit = DEFAULT_LIMIT
) -> schemas.Listed[schemas.CompanyOut]:
    """Companies as the last refresh saw them, also those that have been missing since."""
    found = of_instance(request.auth, request.auth.company_rows(), instance)
    page = page_after(found, cursor, limit)
    return schemas.Listed(items=[rows.company_out(row) for row in page.rows], next=page.next)


@router.get(
    "/companies/{company_id}",
    operation_id="getCompany",
    summary="One company",
    tags=["companies"],
    response=answers(schemas.CompanyOut, refusals=(404,)),
    auth=BearerToken(Right.COMPANIES),
)
def get_company(request: ApiRequest, company_id: RowId) -> schemas.CompanyOut:
    """By our id (`id` in the list), not by the PSA's."""
    return rows.company_out(visible(request.auth.company_rows(), company_id))


@router.get(
    "/mappings",
    operation_id="listMappings",
    summary="List mappings",
    tags=["mappings"],
    response=answers(schemas.MappingPage, refusals=(404,)),
    auth=BearerToken(Right.MAPPINGS),
)
def list_mappings(
    request: ApiRequest, instance: InstanceId = None, cursor: Cursor = 0, limit: Limit = DEFAULT_LIMIT
) -> schemas.MappingPage:
    """The mappings in force. To stay up to date, ask for changes since the `position` of the first page."""
    position = latest_position()  # before the rows are read: what happens in between comes as a change
    found = of_instance(request.auth, request.auth.mapping_rows(), instance)
    page = page_after(found, cursor, limit)
    return schemas.MappingPage(
        items=[rows.mapping_out(row) for row in page.rows], next=page.next, position=position
    )


@router.get(
    "/mappings/changes",
    operation_id="listMappingChanges",
    summary="Changes of mappings since a position",
    tags=["mappings"],
    response=answers(schemas.ChangesOut),
    auth=BearerToken(Right.MAPPINGS),
)
def list_mapping_changes(
    request: ApiRequest,
    since: Annotated[
        int, Query(ge=0, le=LARGEST_ID, description="`next` of the last answer, or `position` of a list.")
    ] = 0,
    limit: Limit = DEFAULT_LIMIT,
) -> schemas.ChangesOut:
    """Every change once, in the order of the commits; none is missed, however many write meanwhile."""
    found = changes_after(request.auth, since, limit)
    return schemas.ChangesOut(
        items=[rows.change_out(change) for change in found.items], next=found.next, more=found.more
    )


@router.get(
    "/mappings/open",
    operation_id="listOpenMappings",
    summary="Mappings that somebody has to look at",
    tags=["mappings"],
    response=answers(schemas.Listed[schemas.OpenMappingOut], refusals=(404,)),
    auth=BearerToken(Right.MAPPINGS),
)
def list_open_mappings(
    request: ApiRequest, instance: InstanceId = None, cursor: Cursor = 0, limit: Limit = DEFAULT_LIMIT
) -> schemas.Listed[schemas.OpenMappingOut]:
    """The inbox: why, since when, and what became what."""
    found = of_instance(request.auth, request.auth.open_rows(), instance)
    page = page_after(found, cursor, limit)
    return schemas.Listed(items=[rows.open_mapping_out(row) for row in page.rows], next=page.next)


@router.get(
    "/mappings/{mapping_id}",
    operation_id="getMapping",
    summary="One mapping",
    tags=["mappings"],
    response=answers(schemas.MappingOut, refusals=(404,)),
    auth=BearerToken(Right.MAPPINGS),
)
def get_mapping(request: ApiRequest, mapping_id: RowId) -> schemas.MappingOut:
    """By its id."""
    return rows.mapping_out(visible(request.auth.mapping_rows(), mapping_id))


@router.get(
    "/refreshes",
    operation_id="listRefreshes",
    summary="What refreshes changed",
    tags=["companies"],
    response=answers(schemas.Listed[schemas.RefreshOut], refusals=(404,)),
    auth=BearerToken(Right.COMPANIES),
)
def list_refreshes(
    request: ApiRequest, instance: InstanceId = None, cursor: Cursor = 0, limit: Limit = DEFAULT_LIMIT
) -> schemas.Listed[schemas.RefreshOut]:
    """The summaries of the refreshes that came to their end; the newest first."""
    found = of_instance(request.auth, request.auth.refresh_rows(), instance)
    page = page_before(found, cursor, limit)
    return schemas.Listed(items=[rows.refresh_out(row) for row in page.rows], next=page.next)


@router.get(
    "/expectations",
    operation_id="listExpectations",
    summary="What is expected, and how it stands",
    tags=["instances"],
    response=answers(schemas.Listed[schemas.ExpectationOut], refusals=(404,)),
    auth=BearerToken(Right.MAPPINGS),
)
def list_expectations(
    request: ApiRequest, instance: InstanceId = None, cursor: Cursor = 0, limit: Limit = DEFAULT_LIMIT
) -> schemas.Listed[schemas.ExpectationOut]:
    """All of an instance together, as they stand at this moment; a page holds at most `limit` instances."""
    found = request.auth.instance_rows()
    found = found if instance is None else found.filter(pk=visible(found, instance).pk)
    page = page_after(found, cursor, limit)
    items = [
        rows.expectation_out(each.instance, row)
        for each in standing(page.rows, timezone.now())
        for row in each.outlook
    ]
    return schemas.Listed(items=items, next=page.next)


@router.get(
    "/history",
    operation_id="listHistory",
    summary="List the history",
    tags=["history"],
    response=answers(schemas.Listed[schemas.EventOut], refusals=(404,)),
    auth=BearerToken(Right.HISTORY),
)
def list_history(
    request: ApiRequest, instance: InstanceId = None, cursor: Cursor = 0, limit: Limit = DEFAULT_LIMIT
) -> schemas.Listed[schemas.EventOut]:
    """Who changed what, when and from where; the newest first."""
    found = of_instance(request.auth, request.auth.event_rows(), instance)
    page = page_before(found, cursor, limit)
    return schemas.Listed(items=[rows.event_out(row, request.auth) for row in page.rows], next=page.next)


@router.get(
    "/resolve",
    operation_id="resolve",
    summary="Which instance and company is this organization?",
    tags=["resolve"],
    response=answers(schemas.ResolvedOut, refusals=(404, 409)),
    auth=BearerToken(Right.RESOLVE),
)
def resolve_organization(
    request: ApiRequest,
    by: Annotated[By, Query(description="What `value` is.")],
    value: Annotated[str, Query(min_length=1, max_length=300)],
    psa: Annotated[str, Query(max_length=30)] = "autotask",
    fallback: Annotated[
        Fallback,
        Query(
            description=(
                "When it is not mapped: fail with 404, answer the default instance, or its catch-all company."
            )
        ),
    ] = Fallback.FAIL,
) -> schemas.ResolvedOut:
    """Names and domains are compared in any letter case; when several organizations fit, the answer is 409.

    An unknown organization is always 404, and so is one that is mapped where the token does not see.
    """
    return rows.resolved_out(resolve(request.auth, Question(by, value, psa, fallback)))
