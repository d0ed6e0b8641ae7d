"""One row of every model that the admin shows, made as people make them, and where its pages are."""

from __future__ import annotations

import datetime as dt
import io
import time
from collections.abc import Callable, Iterator

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from integrations.models import (
    AccountEvent,
    Alert,
    AlertChannel,
    AlertMessage,
    AlertNotice,
    AlertPreference,
    AlertReader,
    ApiToken,
    AuditEvent,
    BrowserSession,
    Company,
    CompanyFilter,
    Expectation,
    FilterOption,
    HeldCompany,
    HeldRefresh,
    IgnoredOrganization,
    ImportDraft,
    ImportDraftPart,
    ImportFilePart,
    ImportReport,
    ImportReportPart,
    ImportSource,
    ImportSourcePart,
    ImportSourceRun,
    IntegrationInstance,
    Job,
    MappingProposal,
    Occurrence,
    Organization,
    OrganizationIdentifier,
    OrganizationMapping,
    RecordChange,
    RefreshSummary,
    RejectedMatch,
    RememberedReading,
    RequestCount,
    ReviewCase,
    ReviewNotice,
    TablePreference,
    Webhook,
    WebhookDelivery,
    Worker,
)
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies.filters import save_filters
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.reports import ImportOptions
from integrations.services.mapping.proposals import choose_company
from integrations.services.suggestions.decisions import ignore_organization, reject_match
from integrations.tasks import enqueue_refresh
from portal.proof import PROVEN_AT
from portal.second_factor import SealedSeeds
from tests.support.simulated import actor_of, company_of, map_to

TOTP_SECRET = "totp-secret-JBSWY3DPEHPK3PXP"
HOOK_KEY, HOOK_QUERY, DIGEST = "hook-key-Plover-55", "hook-query-Wren-66", "d1" * 32

REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)
OURS = [model for model in REGISTERED if model._meta.app_label == "integrations"]
ADDED_HERE = {Organization, OrganizationMapping, Group}
ADDED_ON_THE_PORTAL = {IntegrationInstance, User}
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
    """The superuser's browser, in which they have just proved who they are."""
    client = client_of(superuser)
    session = client.session
    session[PROVEN_AT] = time.time()
    session.save()
    return client


@pytest.fixture
def sample_rows(
    refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User
) -> dict[type[models.Model], models.Model]:
    """One row of every registered model, made as people make them."""
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("companyType", "eq", 1)])
    mapping = map_to(owner, refreshed, organizations["Abbott"], 101)
    abbott, birchwood = organizations["Abbott"], organizations["Birchwood"]
    choose_company(owner, refreshed, birchwood, company_of(refreshed, 102))
    reject_match(Batch(actor_of(owner)), refreshed, birchwood, company_of(refreshed, 103))
    ignore_organization(Batch(actor_of(owner)), refreshed, organizations["Zephyr"])
    enqueue_refresh(refreshed, owner)
    webhook = Webhook(name="Ticket desk")
    webhook.move_to("https://desk.example/hook?token=" + HOOK_QUERY)
    webhook.secret = {"key": HOOK_KEY}
    webhook.save()
    token = ApiToken.objects.create(
        expires_at=timezone.now() + dt.timedelta(days=90),
        name="Report",
        prefix="portal_ab12",
        digest=DIGEST,
        rights=["mappings"],
        limited=True,
    )
    token.instances.add(refreshed)
    import_organizations(Batch(actor_of(owner)), io.BytesIO(b"name\nUploaded\n"), ImportOptions(dry_run=True))
    report = ImportReport.objects.get()
    source = ImportSource(name="Partner list", kind="organizations", type="web")
    source.move_to("https://files.example/list.csv?sig=" + HOOK_QUERY)
    source.save()
    channel = AlertChannel(name="Service desk", service="slack", kinds=["refresh.failed"])
    channel.move_to("https://chat.example/services/" + HOOK_QUERY)
    channel.save()
    alert = Alert.objects.create(
        kind="refresh.failed", cause="refresh:1", title="Main: it failed", opened_at=timezone.now()
    )
    message = AlertMessage.objects.create(user=owner, next_attempt_at=timezone.now())
    draft = ImportDraft.objects.create(owner=owner, kind="organizations", file_name="firms.csv")
    held = HeldRefresh.objects.create(
        instance=refreshed,
        at=timezone.now(),
        reasons=[{"kind": "fewer", "text": "Few came."}],
        taken_by=owner,
    )
    return {
        AccountEvent: AccountEvent.objects.latest("pk"),
        Alert: alert,
        AlertChannel: channel,
        AlertMessage: message,
        AlertNotice: AlertNotice.objects.create(message=message, alert=alert),
        AlertPreference: AlertPreference.objects.create(user=owner, kind="refresh.failed", how="digest"),
        AlertReader: AlertReader.objects.create(user=owner, time_zone="Europe/Berlin"),
        ApiToken: token,
        AuditEvent: AuditEvent.objects.filter(target_type="mapping").latest("pk"),
        Authenticator: Authenticator.objects.create(
            user=owner, type="totp", data={"secret": SealedSeeds().encrypt(TOTP_SECRET)}
        ),
        BrowserSession: BrowserSession.objects.create(
            session_key="ab" * 20, expire_date=timezone.now() + dt.timedelta(hours=1), person=owner
        ),
        Company: mapping.company,
        CompanyFilter: CompanyFilter.objects.get(),
        DBTaskResult: DBTaskResult.objects.get(),
        EmailAddress: EmailAddress.objects.create(user=owner, email=owner.email),
        FilterOption: FilterOption.objects.filter(field="companyType").first() or FilterOption(),
        Group: Group.objects.get(name="Owners"),
        IgnoredOrganization: IgnoredOrganization.objects.get(),
        ImportDraft: draft,
        ImportDraftPart: ImportDraftPart.objects.create(draft=draft, number=0, content=b""),
        RememberedReading: RememberedReading.objects.create(
            user=owner, kind="organizations", shape="0" * 64, used_at=timezone.now()
        ),
        ImportFilePart: ImportFilePart.objects.create(job=Job.objects.latest("pk"), number=0, content=b""),
        ImportReport: report,
        ImportReportPart: report.parts.get(),
        ImportSource: source,
        ImportSourcePart: ImportSourcePart.objects.create(source=source, number=0, content=b""),
        ImportSourceRun: ImportSourceRun.objects.create(source=source, actor_name="schedule", rows=3),
        Expectation: Expectation.objects.create(
            instance=refreshed, kind="inbox", effect="warn", limit=20, state="holds", text="None is open."
        ),
        HeldCompany: HeldCompany.objects.create(held=held, company=mapping.company, kind="gone"),
        HeldRefresh: held,
        IntegrationInstance: refreshed,
        Job: Job.objects.latest("pk"),
        MappingProposal: MappingProposal.objects.get(),
        Occurrence: Occurrence.objects.create(
            instance=refreshed, kind="credentials.refused", cause="credentials", text="Refused."
        ),
        Organization: abbott,
        OrganizationIdentifier: abbott.identifiers.create(
            kind="tenant_id", value="7c9e6679-7425-40de-944b-e07fc1f90ae7", source="Partner Portal"
        ),
        OrganizationMapping: mapping,
        RecordChange: RecordChange.objects.create(
            kind="renamed", company=mapping.company, before="Was", after="Is", at=timezone.now()
        ),
        RefreshSummary: RefreshSummary.objects.latest("pk"),
        RejectedMatch: RejectedMatch.objects.get(),
        RequestCount: RequestCount.objects.create(name="api-token:1", minute=29_000_000, times=3),
        ReviewCase: ReviewCase.objects.create(mapping=mapping, assigned_to=owner),
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


def pages_of(sample_rows: dict[type[models.Model], models.Model]) -> Iterator[tuple[str, str]]:
    """Every admin page there is for these rows: what it is, and its address."""
    yield "index", reverse("admin:index")
    for model, row in sample_rows.items():
        name = label(model)
        yield f"{name} list", address(model, "changelist")
        yield f"{name} add", address(model, "add")
        yield f"{name} change", address(model, "change", row.pk)
        yield f"{name} history", address(model, "history", row.pk)
        yield f"{name} delete", address(model, "delete", row.pk)
