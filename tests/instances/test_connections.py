"""Connecting, changing, testing, deleting and restoring a configuration, against a simulated Autotask."""

from __future__ import annotations

import datetime as dt
import io
import logging
import traceback

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.views.debug import ExceptionReporter

from integrations.crypto import new_key
from integrations.models import (
    AuditEvent,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.psa.base import FailureKind, StepState
from integrations.services.audit import Batch
from integrations.services.instances.check import check_connection
from integrations.services.instances.connect import NameTaken, connect_instance
from integrations.services.instances.credentials import client_for
from integrations.services.instances.delete import NotRestorable, delete_instance, restore_instance
from integrations.services.mapping.proposals import choose_company
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.simulated import (
    SECOND_SECRET,
    SECOND_USERNAME,
    SECRET,
    SECRETS,
    TRACKING_IDENTIFIER,
    USERNAME,
    actor_of,
    company_of,
    connect,
    details_of,
    make_tenant,
    map_to,
    refresh,
)

Organizations = dict[str, Organization]


def requests_with_credentials(simulator: Simulator) -> list[str]:
    return [request.route for request in simulator.requests if "secret" in request.headers]


# --- connecting ---------------------------------------------------------------------------------------


def test_right_credentials_store_the_instance_with_what_the_check_found(
    simulator: Simulator, owner: User
) -> None:
    outcome = connect_instance(Batch(actor_of(owner)), details_of(description="Everybody's tenant"))

    assert outcome.created
    assert outcome.report.passed
    assert [step.state for step in outcome.report.steps] == [StepState.PASSED] * 5
    stored = IntegrationInstance.objects.get()
    assert stored.status == IntegrationInstance.Status.CONNECTED
    assert (stored.name, stored.description, stored.username) == ("Main", "Everybody's tenant", USERNAME)
    assert stored.api_url == simulator.api_url
    assert stored.database_id == 513558
    assert stored.last_check["companies"] == 15
    assert stored.last_check["budget"]["limit"] == 10_000
    assert stored.credentials.reveal() == {"secret": SECRET, "tracking_identifier": TRACKING_IDENTIFIER}
    assert stored.secrets_set["secret"]["by"] == "olivia"
    client = client_for(stored)
    assert client.count_companies([]) == 15
    client.close()


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        (
            {"secret": "wrong", "tracking_identifier": TRACKING_IDENTIFIER},
            ["password", "tracking identifier"],
        ),
        ({"tracking_identifier": "WRONG"}, ["tracking identifier", "inactive or locked"]),
    ],
)
def test_a_wrong_secret_stores_nothing_names_the_likely_causes_and_is_sent_once(
    simulator: Simulator, owner: User, wrong: dict[str, str], names: list[str]
) -> None:
    right = {"secret": SECRET, "tracking_identifier": TRACKING_IDENTIFIER}

    outcome = connect_instance(Batch(actor_of(owner)), details_of(secrets=right | wrong))

    assert outcome.instance is None
    assert outcome.report.error is not None
    assert outcome.report.error.kind is FailureKind.CREDENTIALS
    failed = [step for step in outcome.report.steps if step.state is StepState.FAILED]
    assert [step.key for step in failed] == ["credentials"]
    assert all(name in failed[0].detail for name in names), failed[0].detail
    assert failed[0].next_step
    assert len(requests_with_credentials(simulator)) == 1
    assert not IntegrationInstance.objects.exists()
    assert not AuditEvent.objects.exists()


def test_an_unknown_user_name_sends_no_secret(simulator: Simulator, owner: User) -> None:
    outcome = connect_instance(Batch(actor_of(owner)), details_of(username="nobody@northwind.example"))

    assert outcome.instance is None
    assert requests_with_credentials(simulator) == []


@pytest.mark.parametrize(
    "fault",
    ["zone-elsewhere", "no-company-permission", "html-page", "gateway-error", "redirect", "locked-user"],
)
def test_a_check_that_fails_in_any_other_way_stores_nothing(
    simulator: Simulator, owner: User, fault: str
) -> None:
    simulator.inject(fault)

    outcome = connect_instance(Batch(actor_of(owner)), details_of())

    assert outcome.instance is None
    assert not outcome.report.passed
    assert any(step.state is StepState.FAILED and step.detail for step in outcome.report.steps)
    assert not IntegrationInstance.objects.exists()


@pytest.mark.parametrize("value", ["line\nbreak", "zero\u200bwidth", "bell\x07"])
def test_a_secret_that_no_header_can_carry_is_a_failed_check_and_not_an_error_page(
    simulator: Simulator, owner: User, value: str
) -> None:
    secrets = {"secret": value, "tracking_identifier": TRACKING_IDENTIFIER}

    outcome = connect_instance(Batch(actor_of(owner)), details_of(secrets=secrets))

    assert outcome.instance is None
    failed = [step for step in outcome.report.steps if step.state is StepState.FAILED]
    assert "API User Password" in failed[0].detail
    assert value not in str(outcome.report)
    assert len(simulator.requests) == 0


def test_a_name_that_differs_in_case_only_is_taken(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    with pytest.raises(NameTaken):
        connect_instance(Batch(actor_of(owner)), details_of(name="MAIN"))
    assert IntegrationInstance.objects.count() == 1


def test_the_name_of_a_deleted_configuration_is_free(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    delete_instance(Batch(actor_of(owner)), instance)
    assert connect(owner).pk != instance.pk


def test_the_first_configuration_becomes_the_default_and_a_new_one_takes_it_over(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    assert instance.is_default
    third = connect(owner, name="Third")
    assert not third.is_default

    newer = connect(owner, name="Newer", is_default=True)

    instance.refresh_from_db()
    assert newer.is_default
    assert not instance.is_default
    with pytest.raises(IntegrityError), transaction.atomic():
        IntegrationInstance.objects.filter(pk=third.pk).update(is_default=True)


def test_the_only_configuration_stays_the_default_when_the_box_is_cleared(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    connect_instance(Batch(actor_of(owner)), details_of(is_default=False, secrets={}), instance)
    instance.refresh_from_db()
    assert instance.is_default


# --- changing -----------------------------------------------------------------------------------------


def test_empty_secrets_keep_the_stored_ones(instance: IntegrationInstance, owner: User) -> None:
    set_before = instance.secrets_set

    outcome = connect_instance(Batch(actor_of(owner)), details_of(name="Renamed", secrets={}), instance)

    assert outcome.instance is not None
    assert not outcome.created
    instance.refresh_from_db()
    assert instance.name == "Renamed"
    assert instance.credentials.reveal()["secret"] == SECRET
    assert instance.secrets_set == set_before


def test_a_new_secret_replaces_only_itself(
    simulator: Simulator, tenant: Tenant, instance: IntegrationInstance, owner: User
) -> None:
    before = instance.secrets_set
    tenant.secret = "Falcon-09-new-secret"

    connect_instance(Batch(actor_of(owner)), details_of(secrets={"secret": "Falcon-09-new-secret"}), instance)

    instance.refresh_from_db()
    assert instance.credentials.reveal() == {
        "secret": "Falcon-09-new-secret",
        "tracking_identifier": TRACKING_IDENTIFIER,
    }
    assert instance.secrets_set["secret"]["at"] > before["secret"]["at"]
    assert instance.secrets_set["tracking_identifier"] == before["tracking_identifier"]


def test_a_refused_change_leaves_everything_as_it_was(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    before = IntegrationInstance.objects.values().get()

    outcome = connect_instance(
        Batch(actor_of(owner)), details_of(name="Other", secrets={"secret": "wrong"}), instance
    )

    assert outcome.instance is None
    assert IntegrationInstance.objects.values().get() == before


def test_credentials_of_another_tenant_are_refused_once_companies_are_at_stake(
    refreshed: IntegrationInstance, owner: User
) -> None:
    before = IntegrationInstance.objects.values().get()
    other = details_of(
        username=SECOND_USERNAME,
        secrets={"secret": SECOND_SECRET, "tracking_identifier": TRACKING_IDENTIFIER},
    )

    outcome = connect_instance(Batch(actor_of(owner)), other, refreshed)

    assert outcome.instance is None
    assert outcome.report.steps[-1].key == "tenant"
    assert "another database" in outcome.report.steps[-1].detail
    assert IntegrationInstance.objects.values().get() == before


def test_where_the_database_is_not_named_another_user_is_refused_and_what_was_known_stays(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    simulator.tenants[SECOND_USERNAME].database_id = None  # type: ignore[assignment]  # as an odd answer has it
    tenant.database_id = None  # type: ignore[assignment]
    other = details_of(
        username=SECOND_USERNAME,
        secrets={"secret": SECOND_SECRET, "tracking_identifier": TRACKING_IDENTIFIER},
    )
    outcome = connect_instance(Batch(actor_of(owner)), other, refreshed)
    assert outcome.instance is None
    assert "Autotask did not name it" in outcome.report.steps[-1].detail

    assert check_connection(Batch(actor_of(owner)), refreshed).passed
    refreshed.refresh_from_db()
    assert refreshed.database_id == 513558


def test_another_api_user_of_the_same_tenant_is_accepted(
    simulator: Simulator, refreshed: IntegrationInstance, owner: User
) -> None:
    simulator.tenants["second-user@northwind.example"] = make_tenant(
        username="second-user@northwind.example", secret="Wren-55"
    )
    details = details_of(
        username="second-user@northwind.example",
        secrets={"secret": "Wren-55", "tracking_identifier": TRACKING_IDENTIFIER},
    )
    assert connect_instance(Batch(actor_of(owner)), details, refreshed).instance is not None


def test_a_configuration_whose_key_is_lost_can_be_connected_anew_with_all_secrets(
    simulator: Simulator, instance: IntegrationInstance, owner: User, settings: object
) -> None:
    settings.PORTAL_ENCRYPTION_KEYS = [new_key()]  # type: ignore[attr-defined]

    outcome = connect_instance(Batch(actor_of(owner)), details_of(), instance)

    assert outcome.instance is not None
    instance.refresh_from_db()
    assert instance.credentials.reveal()["secret"] == SECRET


def test_a_lost_key_is_a_failed_check_that_says_what_to_do(
    simulator: Simulator, instance: IntegrationInstance, owner: User, settings: object
) -> None:
    settings.PORTAL_ENCRYPTION_KEYS = [new_key()]  # type: ignore[attr-defined]
    asked = len(simulator.requests)

    kept = connect_instance(Batch(actor_of(owner)), details_of(secrets={}), instance)
    tested = check_connection(Batch(actor_of(owner)), instance)

    for report in (kept.report, tested):
        assert not report.passed
        failed = [step for step in report.steps if step.state is StepState.FAILED]
        assert "cannot be opened" in failed[0].detail
    assert kept.instance is None
    assert len(simulator.requests) == asked


# --- testing ------------------------------------------------------------------------------------------


def test_testing_a_connection_remembers_what_was_found(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    simulator.inject("locked-user")

    report = check_connection(Batch(actor_of(owner)), instance)

    assert not report.passed
    instance.refresh_from_db()
    assert instance.status == IntegrationInstance.Status.REFUSED
    assert not instance.last_check["passed"]
    assert instance.api_url == simulator.api_url
    event = AuditEvent.objects.filter(action="instance checked").get()
    assert event.before
    assert event.after
    assert (event.before["status"], event.after["status"]) == ("connected", "refused")


def test_testing_a_connection_follows_a_tenant_that_moved(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    simulator.inject("zone-moved", zone=5, tenant=USERNAME)

    report = check_connection(Batch(actor_of(owner)), instance)
    # The new zone is another port; only a host that the settings name is asked.
    assert not report.passed
    assert report.error is not None
    assert report.error.kind is FailureKind.DESTINATION
    instance.refresh_from_db()
    assert instance.api_url == simulator.api_url


# --- deleting and restoring ---------------------------------------------------------------------------


def test_deleting_takes_the_mappings_along_and_restoring_brings_them_back(
    refreshed: IntegrationInstance, owner: User, organizations: Organizations
) -> None:
    kept = map_to(owner, refreshed, organizations["Abbott"], 101)
    before = kept.snapshot()

    assert delete_instance(Batch(actor_of(owner)), refreshed) == 1
    kept.refresh_from_db()
    assert kept.removed_at is not None
    assert not OrganizationMapping.objects.present().exists()
    refreshed.refresh_from_db()
    assert not refreshed.is_default

    assert restore_instance(Batch(actor_of(owner)), refreshed) == (1, 0)
    kept.refresh_from_db()
    assert {**kept.snapshot(), "version": 0} == {**before, "version": 0}
    assert kept.version == before["version"] + 2
    refreshed.refresh_from_db()
    assert refreshed.deleted_at is None
    assert refreshed.is_default
    actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert "mapping removed with its instance" in actions
    assert "mapping restored with its instance" in actions


def test_a_mapping_that_was_removed_before_does_not_come_back_with_its_instance(
    refreshed: IntegrationInstance, owner: User, organizations: Organizations
) -> None:
    from integrations.services.mapping import save as mappings

    mapping = map_to(owner, refreshed, organizations["Abbott"], 101)
    choose_company(owner, refreshed, organizations["Abbott"], None)
    mappings.save_mappings(Batch(actor_of(owner)), owner, refreshed)

    delete_instance(Batch(actor_of(owner)), refreshed)
    assert restore_instance(Batch(actor_of(owner)), refreshed) == (0, 0)
    mapping.refresh_from_db()
    assert mapping.removed_at is not None


def test_an_organization_mapped_elsewhere_meanwhile_stays_there_and_is_counted(
    refreshed: IntegrationInstance, second: IntegrationInstance, owner: User, organizations: Organizations
) -> None:
    mapping = map_to(owner, refreshed, organizations["Abbott"], 101)
    map_to(owner, refreshed, organizations["Birchwood"], 102)
    delete_instance(Batch(actor_of(owner)), refreshed)
    map_to(owner, second, organizations["Abbott"], 301)

    assert restore_instance(Batch(actor_of(owner)), refreshed) == (1, 1)

    mapping.refresh_from_db()
    assert mapping.instance_id == second.pk
    assert mapping.removed_at is None


def test_an_organization_that_was_cleared_elsewhere_meanwhile_is_not_brought_back(
    refreshed: IntegrationInstance, second: IntegrationInstance, owner: User, organizations: Organizations
) -> None:
    from integrations.services.mapping import save as mappings

    mapping = map_to(owner, refreshed, organizations["Abbott"], 101)
    delete_instance(Batch(actor_of(owner)), refreshed)
    map_to(owner, second, organizations["Abbott"], 301)
    choose_company(owner, second, organizations["Abbott"], None)
    mappings.save_mappings(Batch(actor_of(owner)), owner, second)

    assert restore_instance(Batch(actor_of(owner)), refreshed) == (0, 0)
    mapping.refresh_from_db()
    assert mapping.removed_at is not None


def test_restoring_is_refused_after_thirty_days_and_while_the_name_is_in_use(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    with pytest.raises(NotRestorable):
        restore_instance(Batch(actor_of(owner)), instance)
    delete_instance(Batch(actor_of(owner)), instance)
    with time_machine.travel(timezone.now() + dt.timedelta(days=30, minutes=1)), pytest.raises(NotRestorable):
        restore_instance(Batch(actor_of(owner)), instance)
    connect(owner, name="main")
    with pytest.raises(NotRestorable, match="Rename that one first"):
        restore_instance(Batch(actor_of(owner)), instance)


def test_a_restored_instance_does_not_take_the_default_from_another(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    delete_instance(Batch(actor_of(owner)), instance)
    other = connect(owner, name="Other")
    restore_instance(Batch(actor_of(owner)), instance)
    instance.refresh_from_db()
    other.refresh_from_db()
    assert (instance.is_default, other.is_default) == (False, True)


def test_deleting_forgets_unsaved_choices(
    refreshed: IntegrationInstance, owner: User, organizations: Organizations
) -> None:

    choose_company(owner, refreshed, organizations["Abbott"], company_of(refreshed, 101))
    delete_instance(Batch(actor_of(owner)), refreshed)
    assert not MappingProposal.objects.exists()


# --- secrets ------------------------------------------------------------------------------------------


def test_no_secret_is_in_the_log_the_audit_a_repr_a_fixture_or_the_database(
    simulator: Simulator, owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    instance = connect(owner)
    refresh(instance)
    check_connection(Batch(actor_of(owner)), instance)
    simulator.inject("gateway-error")
    refresh(instance, full=True)
    simulator.clear()
    simulator.inject("locked-user")
    connect_instance(Batch(actor_of(owner)), details_of(), instance)
    client = client_for(instance)
    dump = io.StringIO()
    call_command("dumpdata", "integrations", stdout=dump)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM integrations_integrationinstance")
        stored = repr(cursor.fetchall())

    places = {
        "log": caplog.text,
        "audit": repr(list(AuditEvent.objects.values())),
        "repr": f"{instance!r} {instance.credentials!r} {instance.credentials} {details_of()!r} {client!r}",
        "row": repr(vars(instance)),
        "fixture": dump.getvalue(),
        "database": stored,
        "jobs": repr(list(instance.jobs.values())),
    }
    client.close()
    for place, text in places.items():
        assert text, place
        for secret in SECRETS:
            assert secret not in text, place


def test_a_failure_while_storing_shows_no_secret_in_its_traceback_or_report(
    simulator: Simulator, instance: IntegrationInstance, owner: User, rf: object
) -> None:
    taken = details_of(name="main")  # the name of another row: the database refuses the write
    with pytest.raises(NameTaken) as failure:
        connect_instance(Batch(actor_of(owner)), taken)

    written = "".join(traceback.format_exception(failure.value))
    reporter = ExceptionReporter(None, failure.type, failure.value, failure.tb)
    for text in (written, reporter.get_traceback_text(), reporter.get_traceback_html()):
        assert "connect_instance" in text
        for secret in SECRETS:
            assert secret not in text
