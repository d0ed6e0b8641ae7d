"""Review mode: the open rows one by one."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from integrations.forms.mapping_table import table_query
from integrations.models import Company, IntegrationInstance, Organization
from integrations.services.audit import Batch, actor_of
from integrations.services.companies import type_labels
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.mapping import (
    NEXT_STEPS,
    CompanyNotOffered,
    OrganizationElsewhere,
    ReviewQueue,
    ReviewStep,
    RowState,
    SeenRows,
    SharedCompany,
    accept_match,
    confirm_mappings,
    discard_proposal,
    remove_mappings,
)
from integrations.services.suggestions import StillMapped, allow_match, reject_match, stop_ignoring
from integrations.views.common import (
    OUTDATED_PAGE,
    SignedInRequest,
    instance_frame,
    on_instance,
    organization_or_404,
    tell_recorded,
    whole_number,
)
from integrations.views.last_step import last_step
from integrations.views.row_decisions import ignore_row, mapped_to, standing_mapping, tell_mapped

ROWS_WORDS: dict[str, str] = {
    RowState.MAPPED: "mapped rows",
    RowState.CHANGED: "changed rows",
    RowState.ELSEWHERE: "rows mapped elsewhere",
    RowState.IGNORED: "ignored rows",
}  # of the other states all are open


@on_instance("map_organizations")
@require_GET
def review(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """One row with both records side by side."""
    organization, company = _number(request, "organization"), _number(request, "company")
    if organization is not None:
        organization_or_404(request, instance, organization)
    return _step(request, instance, organization, company)


@on_instance("map_organizations")
@require_POST
def decide(request: SignedInRequest, instance: IntegrationInstance, organization_id: int) -> HttpResponse:
    """Accept, reject, ignore or keep, then show the next row."""
    organization = organization_or_404(request, instance, organization_id)
    query = table_query(request.GET)
    queue = ReviewQueue.read(instance, request.user, query)
    company = _number(request, "company")
    shared = _shared(request, instance, organization, company)
    if shared:
        return _show(request, instance, queue.step(organization.pk, company), shared=shared)
    if not _decide(request, instance, organization):
        return _show(request, instance, queue.step(organization.pk))
    if request.POST.get("decision") in {"keep", "unmap"}:
        discard_proposal(request.user, instance, organization)  # what was chosen by hand lost to it
    return _show(request, instance, queue.step_after(organization.pk), was_led_on=True)


def _shared(
    request: SignedInRequest, instance: IntegrationInstance, organization: Organization, company: int | None
) -> list[SharedCompany]:
    """The company that others have, too, when it is accepted without saying that this is meant."""
    if request.POST.get("decision") != "accept" or "shared" in request.POST:
        return []
    wanted = instance.companies.filter(pk=company or 0).first()
    return SharedCompany.by_accepting(instance, organization, wanted) if wanted else []


def _decide(request: SignedInRequest, instance: IntegrationInstance, organization: Organization) -> bool:
    """Do what was pressed; False when the row must stay because it could not be done."""
    actor, decision = actor_of(request), request.POST.get("decision")
    if decision in {"keep", "unmap", "accept"} and _is_blind(request, instance, organization):
        messages.warning(request, OUTDATED_PAGE)
        return False
    if decision == "ignore":
        return ignore_row(request, instance, organization)
    if decision == "keep":
        return _keep(request, instance, organization)
    if decision == "unmap":
        batch = Batch(actor)
        keys, seen = [organization.pk], _seen(request)
        if not remove_mappings(batch, instance=instance, organizations=keys, seen=seen):
            return _left(request, instance, organization)
        tell_recorded(request, batch, f"{organization.name} is no longer mapped.")
        return True
    company = get_object_or_404(instance.companies, pk=_number(request, "company") or 0)
    if decision == "reject":
        _reject(request, instance, organization, company)
        return False
    if decision != "accept":
        raise Http404
    try:
        outcome = accept_match(
            Batch(actor), request.user, instance, organization, company,
            seen=request.POST.get("seen"), seen_pair=request.POST.get("pair"),
        )  # fmt: skip
    except ChangedMeanwhile:
        return _left(request, instance, organization)
    except OrganizationElsewhere as error:
        messages.error(request, f"{organization.name} is mapped in “{error}” now.")
        return False
    except CompanyNotOffered as error:
        raise Http404 from error
    for conflict in outcome.conflicts:
        messages.error(request, conflict.sentence())
    if not outcome.saved and not outcome.conflicts:  # it stood there already
        return _keep(request, instance, organization)
    if outcome.saved:
        messages.success(request, f"{organization.name} = {company.name}", extra_tags=f"undo:{outcome.batch}")
    return not outcome.conflicts or not organization.has_row_in(instance)


def _reject(
    request: SignedInRequest, instance: IntegrationInstance, organization: Organization, company: Company
) -> None:
    """Remember the no, and say what the row stays mapped to: a no to one company unmaps no other."""
    batch = Batch(actor_of(request))
    try:
        reject_match(batch, instance, organization, company)
    except StillMapped:
        tell_mapped(request, instance, organization)
        return
    standing = standing_mapping(instance, organization)
    stays = f" It stays mapped to {mapped_to(standing, instance)}." if standing else ""
    text = f"{company.name} will not be proposed for {organization.name} again.{stays}"
    tell_recorded(request, batch, text, messages.INFO)


def _keep(request: SignedInRequest, instance: IntegrationInstance, organization: Organization) -> bool:
    """Confirm the mapping as it is, and say so: also what asks for no review any more; False: it is left."""
    batch = Batch(actor_of(request))
    kept = confirm_mappings(batch, instance, [organization.pk], _seen(request))
    for mapping in kept:
        reasons = "; ".join(reason.label.lower() for reason in mapping.kept_reasons)
        seen = f" It is not asked about again for what was seen: {reasons}." if reasons else ""
        tell_recorded(request, batch, f"{organization.name} stays mapped to {mapping.company.name}.{seen}")
    return bool(kept) or _left(request, instance, organization)


def _is_blind(request: SignedInRequest, instance: IntegrationInstance, organization: Organization) -> bool:
    """Whether the form does not tell what was shown of the mapping that stands here."""
    standing = None if "seen" in request.POST else standing_mapping(instance, organization)
    return standing is not None and standing.instance_id == instance.pk


def _seen(request: SignedInRequest) -> SeenRows | None:
    """What the page showed of the mapping; None where the form does not tell."""
    return SeenRows([request.POST["seen"]]) if "seen" in request.POST else None


def _left(request: SignedInRequest, instance: IntegrationInstance, organization: Organization) -> bool:
    """Say that nothing was done; whether to go on, because the table has no such row any more."""
    text = f"{organization.name} is left as it is: it changed since the page was shown. Look at it again."
    messages.warning(request, text)
    return not organization.has_row_in(instance)


def _step(
    request: SignedInRequest, instance: IntegrationInstance, organization: int | None, company: int | None
) -> HttpResponse:
    query = table_query(request.GET)
    queue = ReviewQueue.read(instance, request.user, query)
    return _show(request, instance, queue.step(organization, company))


def _show(
    request: SignedInRequest,
    instance: IntegrationInstance,
    step: ReviewStep,
    *,
    was_led_on: bool = False,
    shared: Sequence[SharedCompany] = (),
) -> HttpResponse:
    """Draw the row. Who was led on to it by a decision will decide again, seldom ask for the next one."""
    address_params = {
        key: str(value)
        for key, value in request.GET.items()
        if key in {"state", "tier", "q", "warning"} and value
    }
    context = {
        **instance_frame(request, instance),
        "step": step,
        "query_string": urlencode(address_params),
        "type_labels": type_labels(instance),
        "was_led_on": was_led_on,
        "shared": shared,
        "rows_word": ROWS_WORDS.get(request.GET.get("state", ""), "open rows"),
        "next_steps": NEXT_STEPS,
        # Read by static/js/prefetch_review.js in case it is wanted: messages wait for an answer that is seen.
        "is_prefetch": "X-Prefetch" in request.headers,
    }
    if request.htmx:
        return render(request, "integrations/mapping/review/step.html", context)
    context["last_step"] = last_step(request, instance)
    return render(request, "integrations/mapping/review.html", context)


@on_instance("map_organizations")
@require_POST
def reconsider(request: SignedInRequest, instance: IntegrationInstance, organization_id: int) -> HttpResponse:
    """Take an ignore or a rejection back."""
    organization = organization_or_404(request, instance, organization_id)
    company = _number(request, "company")
    if company is None:
        stop_ignoring(Batch(actor_of(request)), instance, organization)
        messages.success(request, f"{organization.name} is open again.")
    else:
        row = get_object_or_404(instance.companies, pk=company)
        allow_match(Batch(actor_of(request)), instance, organization, row)
        messages.success(request, f"{row.name} may be proposed for {organization.name} again.")
    return _step(request, instance, organization.pk, None)


def _number(request: SignedInRequest, name: str) -> int | None:
    return whole_number(request.POST.get(name) or request.GET.get(name) or "")
