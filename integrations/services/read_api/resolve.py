"""Resolve: which instance and which company an organization is, as other tools ask it.

The caller chooses what an organization without a mapping is answered with. An answer is never guessed: an
organization that is mapped in an instance outside the scope is unknown, it does not fall back to the default.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from django.db.models import F, Value
from django.db.models.functions import Lower

from integrations.files.text import clean_text, name_key, whole_number
from integrations.models import (
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
)
from integrations.models.organizations import OrganizationQuerySet
from integrations.models.review_reasons import ReviewReason
from integrations.services.organizations.values import ValueProblem, read_value
from integrations.services.read_api.scope import Scope

MOST_CANDIDATES = 20


class By(enum.StrEnum):
    """What an organization is named by."""

    ID = "id"
    EXTERNAL_ID = "external_id"
    NAME = "name"
    DOMAIN = "domain"


class Fallback(enum.StrEnum):
    """What happens when the organization is not mapped."""

    FAIL = "fail"
    DEFAULT = "default"
    CATCH_ALL = "catch_all"


class Source(enum.StrEnum):
    """Where an answer comes from."""

    MAPPING = "mapping"
    FALLBACK = "fallback"
    CATCH_ALL = "catch_all"


class Unresolved(Exception):
    """There is no answer; ``code`` is for programs, the text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Ambiguous(Exception):
    """Several organizations have this name or domain."""

    def __init__(self, candidates: list[Organization]) -> None:
        super().__init__("Several organizations fit. Ask by id or external id.")
        self.candidates = candidates


@dataclass(frozen=True)
class Question:
    """What is asked: the organization, the PSA, and what to do when it is not mapped there."""

    by: By
    value: str
    psa: str = "autotask"
    fallback: Fallback = Fallback.FAIL


@dataclass(frozen=True)
class Resolution:
    """The answer. ``company`` is None when it is the default instance's, without one."""

    organization: Organization
    instance: IntegrationInstance
    source: Source
    company: Company | None = None
    needs_review: tuple[ReviewReason, ...] = ()
    reason: str = ""


def resolve(scope: Scope, question: Question) -> Resolution:
    """Answer one question. Raises Unresolved and Ambiguous."""
    organization = _organization(scope, question)
    present = OrganizationMapping.objects.present().filter(psa=question.psa, instance__deleted_at=None)
    mapping = present.filter(organization=organization).with_names().first()
    if mapping is not None:
        reasons = tuple(mapping.review_reasons)
        return Resolution(organization, mapping.instance, Source.MAPPING, mapping.company, reasons)
    ignored = IgnoredOrganization.objects.filter(organization=organization, psa=question.psa).exists()
    code = "ignored" if ignored else "unmapped"
    text = f"The organization is {'deliberately ' if ignored else ''}not mapped in this PSA."
    # Who ignored it decided that nothing of it goes to the PSA.
    if question.fallback is Fallback.FAIL or (ignored and question.fallback is Fallback.CATCH_ALL):
        raise Unresolved(code, text)
    default = scope.instance_rows().filter(psa=question.psa, is_default=True).first()
    if default is None:
        raise Unresolved("no_default", f"{text} There is no default configuration to fall back to.")
    if question.fallback is Fallback.CATCH_ALL:
        company = default.catch_all_company()
        if company is None or not company.is_usable:
            problem = f"{text} The default configuration has no catch-all company in use."
            raise Unresolved("no_catch_all", problem)
        return Resolution(organization, default, Source.CATCH_ALL, company, reason=code)
    return Resolution(organization, default, Source.FALLBACK, reason=code)


def _organization(scope: Scope, question: Question) -> Organization:
    """The one organization that is meant and may be asked about."""
    askable = _askable(scope, question.psa)
    found = list(_named(askable, question).order_by("pk")[: MOST_CANDIDATES + 1])
    if not found and question.by in {By.ID, By.EXTERNAL_ID}:
        ends = _named(Organization.objects.all(), question).end_of_merges()
        found = list(askable.filter(pk__in=ends.values()))
    if not found:
        raise Unresolved("unknown_organization", "No organization fits.")
    if len(found) > 1:
        raise Ambiguous(found[:MOST_CANDIDATES])
    return found[0]


def _askable(scope: Scope, psa: str) -> OrganizationQuerySet:
    """In a limited scope: those that are mapped in it, and those that are mapped nowhere in this PSA."""
    organizations = Organization.objects.present()
    if scope.instances is None:
        return organizations
    elsewhere = OrganizationMapping.objects.present().filter(psa=psa, instance__deleted_at=None)
    return organizations.exclude(
        pk__in=elsewhere.exclude(instance__in=scope.instances).values("organization")
    )


def _named(organizations: OrganizationQuerySet, question: Question) -> OrganizationQuerySet:
    value = clean_text(question.value)
    if not value:
        return organizations.none()
    match question.by:
        case By.ID:
            return organizations.filter(pk=whole_number(value) or 0)
        case By.EXTERNAL_ID:
            return organizations.filter(external_id=value)
        case By.NAME:
            return _same_name(organizations, value)
        case By.DOMAIN:
            return _same_domain(organizations, value)


def _same_name(organizations: OrganizationQuerySet, name: str) -> OrganizationQuerySet:
    """The same name in any letter case. SQLite knows the case of ASCII letters only."""
    if name.isascii():
        return organizations.annotate(lower_name=Lower("name")).filter(lower_name=Lower(Value(name)))
    wanted = name_key(name)
    names = organizations.order_by().values_list("pk", "name")
    return organizations.filter(pk__in=[pk for pk, known in names if name_key(known) == wanted])


def _same_domain(organizations: OrganizationQuerySet, domain: str) -> OrganizationQuerySet:
    """The same domain, also when it is given as a web or mail address."""
    try:
        wanted = read_value("domain", domain)
    except ValueProblem:
        return organizations.none()
    return organizations.annotate(lower_domain=Lower(F("domain"))).filter(lower_domain=str(wanted).lower())
