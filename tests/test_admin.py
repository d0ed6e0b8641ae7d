"""The admin: who may enter, what every page shows and hides, and that repairs keep the portal's rules."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from integrations.models import (
    ApiToken,
    AuditEvent,
    Company,
    CompanyFilter,
    FilterOption,
    IgnoredOrganization,
    ImportFilePart,
    ImportReport,
    ImportReportPart,
    IntegrationInstance,
    Job,
    MappingProposal,
    Organization,
    OrganizationMapping,
    RejectedMatch,
    ReviewNotice,
    TablePreference,
    Webhook,
    WebhookDelivery,
    Worker,
)
from integrations.psa.base import FilterCondition
from integrations.services import mappings
from integrations.services.decisions import ignore_organization, reject_match
from integrations.services.filters import save_filters
from integrations.services.organization_import import import_organizations
from integrations.tasks import enqueue_refresh
from tests.conftest import make_user
from tests.simulated import SECRETS, actor_of, company_of, make_organization, map_to, table_contents

TOTP_SECRET = "totp-secret-JBSWY3DPEHPK3PXP"
HOOK_KEY, HOOK_QUERY, DIGEST = "hook-key-Plover-55", "hook-query-Wren-66", "d1" * 32
QUERIES = 20

REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)
OURS = [model for model in REGISTERED if model._meta.app_label == "integrations"]
ADDED_HERE = {Organization, OrganizationMapping, User, Group, EmailAddress}
SEARCHED = {Company, Organization, OrganizationMapping, AuditEvent, User}
ADDED_ON_THE_PORTAL = {IntegrationInstance}
CHANGED_HERE = ADDED_HERE | ADDED_ON_THE_PORTAL


def label(model: type[models.Model]) -> str:
    return model._meta.label


def address(model: type[models.Model], page: str, *arguments: object) -> str:
    options = model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{page}", args=arguments)


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("sonja", "sonja@example.com", "a long pass phrase")


@pytest.fixture
def desk(superuser: User, client_of: Callable[[User], Client]) -> Client:
    """The superuser's browser."""
    return client_of(superuser)


@pytest.fixture
def world(
    filled: IntegrationInstance, organizations: dict[str, Organization], owner: User
) -> dict[type[models.Model], models.Model]:
    """One row of every registered model, made as people make them."""
    save_filters(actor_of(owner), filled, [FilterCondition("companyType", "eq", 1)])
    mapping = map_to(owner, filled, organizations["Abbott"], 101)
    abbott, birchwood = organizations["Abbott"], organizations["Birchwood"]
    mappings.choose_company(owner, filled, birchwood, company_of(filled, 102))
    reject_match(actor_of(owner), owner, filled, birchwood, company_of(filled, 103))
    ignore_organization(actor_of(owner), owner, filled, organizations["Zephyr"])
    enqueue_refresh(filled, owner)
    webhook = Webhook(name="Ticket desk", url="https://desk.example/hook?token=" + HOOK_QUERY)
    webhook.secret = {"key": HOOK_KEY}
    webhook.save()
    token = ApiToken.objects.create(
        name="Report", prefix="portal_ab12", digest=DIGEST, rights=["mappings"], limited=True
    )
    token.instances.add(filled)
    import_organizations(actor_of(owner), io.BytesIO(b"name\nUploaded\n"), dry_run=True)
    report = ImportReport.objects.get()
    return {
        ApiToken: token,
        AuditEvent: AuditEvent.objects.filter(target_type="mapping").latest("pk"),
        Authenticator: Authenticator.objects.create(user=owner, type="totp", data={"secret": TOTP_SECRET}),
        Company: mapping.company,
        CompanyFilter: CompanyFilter.objects.get(),
        DBTaskResult: DBTaskResult.objects.get(),
        EmailAddress: EmailAddress.objects.create(user=owner, email=owner.email),
        FilterOption: FilterOption.objects.filter(field="companyType").first() or FilterOption(),
        Group: Group.objects.get(name="Owners"),
        IgnoredOrganization: IgnoredOrganization.objects.get(),
        ImportFilePart: ImportFilePart.objects.create(job=Job.objects.latest("pk"), number=0, content=b""),
        ImportReport: report,
        ImportReportPart: report.parts.get(),
        IntegrationInstance: filled,
        Job: Job.objects.latest("pk"),
        MappingProposal: MappingProposal.objects.get(),
        Organization: abbott,
        OrganizationMapping: mapping,
        RejectedMatch: RejectedMatch.objects.get(),
        ReviewNotice: ReviewNotice.objects.create(mapping=mapping, reasons=["renamed"]),
        SocialAccount: SocialAccount.objects.create(
            user=owner, provider="sso", uid="u-17", extra_data={"sub": "u-17"}
        ),
        TablePreference: TablePreference.objects.create(user=owner, columns=["city"], page_size=25),
        User: owner,
        Webhook: webhook,
        Worker: Worker.objects.create(name="host-1", started_at=timezone.now(), seen_at=timezone.now()),
        WebhookDelivery: WebhookDelivery.objects.create(
            webhook=webhook,
            event="mapping.changed",
            payload={"event": "mapping.changed"},
            next_attempt_at=timezone.now(),
        ),
    }


def pages_of(world: dict[type[models.Model], models.Model]) -> Iterator[tuple[str, str]]:
    """Every admin page there is for these rows: what it is, and its address."""
    yield "index", reverse("admin:index")
    for model, row in world.items():
        name = label(model)
        yield f"{name} list", address(model, "changelist")
        yield f"{name} add", address(model, "add")
        yield f"{name} change", address(model, "change", row.pk)
        yield f"{name} history", address(model, "history", row.pk)
        yield f"{name} delete", address(model, "delete", row.pk)


def text_of(response: Any) -> str:
    """What a person reads on the page."""
    return html.unescape(re.sub(r"<[^>]+>|\s+", " ", response.content.decode()))


# --- who may enter ----------------------------------------------------------------------------------------


def test_every_model_of_the_app_is_registered_and_in_these_tests(
    world: dict[type[models.Model], models.Model],
) -> None:
    from django.apps import apps

    assert set(apps.get_app_config("integrations").get_models()) == set(OURS)
    assert set(world) == set(REGISTERED)


def test_every_page_opens_for_a_superuser_and_shows_no_secret(
    world: dict[type[models.Model], models.Model], desk: Client
) -> None:
    instance, person = world[IntegrationInstance], world[User]
    assert isinstance(instance, IntegrationInstance)
    assert isinstance(person, User)
    hidden = [*SECRETS, TOTP_SECRET, HOOK_KEY, HOOK_QUERY, DIGEST]
    hidden += [instance.credentials.token[:20], person.password.split("$")[-1][:6]]

    def get(page: str, where: str) -> Any:
        response = desk.get(where)
        for secret in hidden:
            assert secret not in response.content.decode(), page
        return response

    assert get("index", reverse("admin:index")).status_code == 200
    for model, row in world.items():
        for page in ("change", "history"):
            assert get(page, address(model, page, row.pk)).status_code == 200, f"{label(model)} {page}"
        assert get("list", address(model, "changelist")).status_code == 200, label(model)
        added = get("add", address(model, "add"))
        if model in ADDED_ON_THE_PORTAL:
            assert added.headers["Location"] == reverse("integrations:instance_add", args=["autotask"])
        else:
            assert added.status_code == (200 if model in ADDED_HERE else 403), label(model)


def test_what_is_read_only_has_no_field_to_type_in(
    world: dict[type[models.Model], models.Model], desk: Client
) -> None:
    for model, row in world.items():
        page = desk.get(address(model, "change", row.pk)).content.decode()
        assert ('name="_save"' in page) is (model in CHANGED_HERE), label(model)
        if model not in CHANGED_HERE:
            assert desk.post(address(model, "change", row.pk), {}).status_code == 403, label(model)


@pytest.fixture
def others(
    owner: User, member: User, reader: User, stranger: User, client_of: Callable[[User], Client]
) -> dict[str, Client]:
    """The browsers of everybody who is not a superuser, or not any more."""
    staff = make_user("steve", "Owners")  # a member of staff with every right there is
    staff.is_staff = True
    staff.save()
    former = User.objects.create_superuser("fred", "fred@example.com", "a long pass phrase")
    people = {"owner": owner, "member": member, "reader": reader, "stranger": stranger, "staff": staff}
    clients = {who: client_of(person) for who, person in (people | {"former": former}).items()}
    User.objects.filter(pk=former.pk).update(is_active=False)
    return {**clients, "nobody": Client()}


def test_nobody_else_sees_or_does_anything(
    world: dict[type[models.Model], models.Model], others: dict[str, Client]
) -> None:
    before = table_contents(Organization, OrganizationMapping, IntegrationInstance, Job, ApiToken)
    searched = (
        reverse("admin:autocomplete") + "?term=Abbott&app_label=integrations&model_name=organizationmapping"
        "&field_name=organization"
    )
    for page, where in [*pages_of(world), ("search", searched)]:
        for who, client in others.items():
            response = (
                client.get(where) if page.endswith(("list", "add")) else client.post(where, {"post": "yes"})
            )
            assert response.status_code == 302, f"{who}: {page}"
            assert response.headers["Location"].startswith(("/accounts/login/", "/admin/login/")), page
    assert table_contents(Organization, OrganizationMapping, IntegrationInstance, Job, ApiToken) == before
    for who, client in others.items():
        last = client.get(address(Organization, "changelist"), follow=True)
        assert last.status_code == (200 if who in {"nobody", "former"} else 403), who
        assert "Abbott" not in last.content.decode()


def test_the_admin_has_no_sign_in_of_its_own(superuser: User, client_of: Callable[[User], Client]) -> None:
    person = make_user("steve")
    person.is_staff = True
    person.save()
    client = client_of(person)
    credentials = {"username": "sonja", "password": "a long pass phrase"}
    assert client.post(reverse("admin:login"), credentials).status_code == 403
    assert client.session["_auth_user_id"] == str(person.pk)
    assert (
        Client().post(reverse("admin:login"), credentials).headers["Location"].startswith("/accounts/login/")
    )
    assert client_of(superuser).get(reverse("admin:login")).headers["Location"] == "/admin/"


# --- what the pages hide ----------------------------------------------------------------------------------


def test_an_instance_says_when_and_by_whom_its_secrets_were_set(
    instance: IntegrationInstance, desk: Client
) -> None:
    text = text_of(desk.get(address(IntegrationInstance, "change", instance.pk)))
    day = f"{timezone.now():%Y-%m-%d}"
    assert re.search(rf"Secret: set on {day} \d\d:\d\d by olivia", text)
    assert re.search(rf"Tracking identifier: set on {day} \d\d:\d\d by olivia", text)


def test_hostile_names_stay_text(desk: Client, filled: IntegrationInstance) -> None:
    filled.companies.filter(remote_id="101").update(name="<script>alert(1)</script>")
    organization = make_organization("<img src=x onerror=alert(2)>")
    map_to(User.objects.get(username="sonja"), filled, organization, 101)
    for where in (
        address(Company, "changelist"),
        address(OrganizationMapping, "changelist"),
        address(AuditEvent, "changelist"),
        address(Organization, "change", organization.pk),
        address(Company, "change", company_of(filled, 101).pk),
    ):
        page = desk.get(where).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page


# --- size -------------------------------------------------------------------------------------------------


@pytest.fixture
def many(world: dict[type[models.Model], models.Model], owner: User) -> None:
    """2,000 companies, as many mapped organizations, proposals, audit events, and 200 jobs and people."""
    instance, now = world[IntegrationInstance], timezone.now()
    assert isinstance(instance, IntegrationInstance)
    companies = Company.objects.bulk_create(
        Company(
            instance=instance, remote_id=str(10_000 + n), name=f"Fenwick {n}", company_type=1, seen_at=now
        )
        for n in range(2_000)
    )
    rows = Organization.objects.bulk_create(Organization(name=f"Fenwick {n}") for n in range(2_000))
    OrganizationMapping.objects.bulk_create(
        OrganizationMapping(
            organization=row, company=company, instance=instance, psa="autotask",
            confirmed_by=owner, confirmed_at=now,
        )
        for row, company in zip(rows, companies, strict=True)
    )  # fmt: skip
    MappingProposal.objects.bulk_create(
        MappingProposal(user=owner, instance=instance, organization=row, kind="cleared") for row in rows
    )
    AuditEvent.objects.bulk_create(
        AuditEvent(
            actor=owner, actor_name="olivia", origin="192.0.2.7", action="mapping created", instance=instance,
            target_type="mapping", target_id=str(row.pk), target_name=row.name,
        )
        for row in rows
    )  # fmt: skip
    RejectedMatch.objects.bulk_create(
        RejectedMatch(organization=row, company=companies[0], company_name="Fenwick", rejected_by=owner)
        for row in rows[:200]
    )
    IgnoredOrganization.objects.bulk_create(
        IgnoredOrganization(organization=row, psa="autotask", ignored_by=owner) for row in rows[:200]
    )
    Job.objects.bulk_create(
        Job(kind="refresh_options", instance=instance, state="done", created_by=owner) for _ in range(200)
    )
    people = User.objects.bulk_create(User(username=f"person{n}") for n in range(200))
    for person in people:
        person.groups.add(Group.objects.get(name="Readers"))


def test_no_page_grows_with_the_rows(
    many: None, world: dict[type[models.Model], models.Model], desk: Client
) -> None:
    """Neither in queries nor in size: no select of every company, no list of all that hangs on a row."""
    for model, row in world.items():
        changelist = address(model, "changelist")
        pages = [f"{changelist}?q=fenwick" if model in SEARCHED else changelist]
        pages += [address(model, "change", row.pk), address(model, "delete", row.pk)]
        if model in ADDED_HERE:
            pages.append(address(model, "add"))
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                response = desk.get(page)
            assert len(queries) < QUERIES, page
            assert response.content.count(b"<option") < 400, page
            assert len(response.content) < 300_000, page
