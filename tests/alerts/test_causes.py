"""Each kind of alert from its cause to the mail, and to the mail that it is over."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import (
    Alert,
    AlertKind,
    AlertMessage,
    AlertPreference,
    AlertReader,
    ApiToken,
    AuditEvent,
    ImportReport,
    IntegrationInstance,
    Job,
    Occurrence,
    Organization,
)
from integrations.services.alerts import How, Wishes, mute, save_wishes, watch, wishes_of
from integrations.services.audit import Batch
from integrations.services.sign_ins import log
from integrations.services.sign_ins.acting import Presence, present
from integrations.services.webhooks.edit import WebhookSpec, create_webhook, renew_key
from tests.alerts.conftest import MailServer, text_of
from tests.read_api.conftest import OPERATOR
from tests.support.rows import make_company, make_mapping

pytestmark = pytest.mark.django_db
Told = Callable[[], list[tuple[str, str]]]
HOUR = dt.timedelta(hours=1)


def both(subject: str) -> list[tuple[str, str]]:
    """Owners and members are told."""
    return [("marcus", f"[Portal] {subject}"), ("olivia", f"[Portal] {subject}")]


@pytest.fixture(autouse=True)
def everybody(owner: User, member: User, reader: User, stranger: User) -> None:
    """All roles are there, so that each test sees who is not told."""


def set_state(instance: IntegrationInstance, **values: object) -> None:
    IntegrationInstance.objects.filter(pk=instance.pk).update(**values)


def test_refused_credentials_are_told_once_and_when_they_are_over(
    main: IntegrationInstance, told: Told, mail_server: MailServer
) -> None:
    assert told() == []
    set_state(main, status=IntegrationInstance.Status.REFUSED)
    assert told() == both("Main: the credentials are refused")
    (first, _) = mail_server.mails
    assert "Enter new credentials on the setup page" in text_of(first)
    assert f"https://portal.example{main.get_absolute_url()}" in text_of(first)
    begun = {str(mail["To"]): mail["Message-ID"] for mail in mail_server.mails}
    assert told() == []
    set_state(main, status=IntegrationInstance.Status.CONNECTED)
    assert told() == both("Over: Main: the credentials are refused")
    assert {str(mail["To"]): mail["In-Reply-To"] for mail in mail_server.mails} == begun
    assert told() == []
    set_state(main, status=IntegrationInstance.Status.REFUSED)
    assert told() == []  # it was over a moment ago
    with time_machine.travel(timezone.now() + HOUR):
        assert told() == both("Main: the credentials are refused")
    assert list(Alert.objects.order_by("pk").values_list("cause", "turn")) == [
        (f"credentials:{main.pk}", 1),
        (f"credentials:{main.pk}", 2),
    ]


def test_a_configuration_that_is_deleted_is_over_too(main: IntegrationInstance, told: Told) -> None:
    set_state(main, status=IntegrationInstance.Status.REFUSED)
    assert len(told()) == 2
    set_state(main, deleted_at=timezone.now())
    assert len(told()) == 2
    assert Alert.objects.get().over_text == "The configuration was deleted."


def test_a_refresh_that_failed_twice_is_told(
    main: IntegrationInstance, told: Told, mail_server: MailServer
) -> None:
    Job.objects.create(
        kind=Job.Kind.REFRESH_OPTIONS,
        instance=main,
        state=Job.State.FAILED,
        error="Autotask is closed today.",
    )
    set_state(main, failed_reads=1)
    assert told() == []
    set_state(main, failed_reads=2)
    assert told() == both("Main: the refresh failed 2 times in a row")
    assert "Autotask is closed today." in text_of(mail_server.mails[0])
    set_state(main, failed_reads=3)
    assert told() == []
    set_state(main, failed_reads=0)
    assert told() == both("Over: Main: the refresh failed 2 times in a row")


def test_new_organizations_are_told_together_and_once(
    main: IntegrationInstance, told: Told, owner: User, member: User
) -> None:
    set_state(main, last_refreshed_at=timezone.now())
    company = make_company(main, 1, "Acme")
    for person in (owner, member):
        save_wishes(person, Wishes({AlertKind.ORGANIZATION_UNMAPPED: How.AT_ONCE}))
    Organization.objects.create(name="Before alerts")
    Organization.objects.update(created_at=timezone.now() - 40 * 24 * HOUR)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        rows = [Organization.objects.create(name=f"Firm {number}") for number in range(7)]
        assert told() == []  # who adds them may be about to map them
        clock.shift(11 * 60)
        assert told() == both("7 new organizations have no mapping")
        text = Alert.objects.get().text
        assert text.startswith("Firm 0, Firm 1, Firm 2, Firm 3, Firm 4 and 2 more. Map or ignore them")
        one = Organization.objects.create(name="Late Firm L.L.C.")
        clock.shift(11 * 60)
        assert told() == both("Late Firm L.L.C. is new and has no mapping")
        assert Alert.objects.latest("pk").text.startswith("Late Firm L.L.C. Map or ignore it;")
        assert told() == []
        make_mapping(one, company)
        assert told() == both("Over: Late Firm L.L.C. is new and has no mapping")
        for row in rows:
            make_mapping(row, company)
        assert told() == both("Over: 7 new organizations have no mapping")

        mapped_meanwhile = make_mapping(Organization.objects.create(name="Seen Firm"), company)
        mapped_meanwhile.remove(timezone.now())
        mapped_meanwhile.save()
        clock.shift(11 * 60)
        assert told() == []  # who took the mapping off knows of it


def test_what_a_refresh_found_is_told_once(
    main: IntegrationInstance, told: Told, owner: User, mail_server: MailServer
) -> None:
    save_wishes(owner, Wishes({AlertKind.DRIFT_FOUND: How.AT_ONCE}, main))
    text = "After the refresh 7 mappings of Main should be looked at."
    kind = Occurrence.Kind.DRIFT_FOUND
    details = {"total": 7, "refresh": 31}
    Occurrence.objects.create(instance=main, kind=kind, cause="refresh:31", text=text, details=details)
    assert told() == [("olivia", "[Portal] Main: the refresh found mappings to look at")]
    assert text in text_of(mail_server.mails[0])
    assert "https://portal.example/drift/refreshes/31/" in text_of(mail_server.mails[0])
    assert told() == []


def test_an_import_in_the_background_is_told_to_who_wants_it(
    main: IntegrationInstance, told: Told, owner: User
) -> None:
    save_wishes(owner, Wishes({AlertKind.IMPORT_FINISHED: How.AT_ONCE}))
    job = Job.objects.create(kind=Job.Kind.IMPORT_FILE)
    values = {"kind": "organizations", "file_name": "firms.csv", "actor_name": "Olivia"}
    report = ImportReport.objects.create(key=job.key, verdict="running", **values)
    ImportReport.objects.create(verdict="written", **values)  # on the page, which tells it itself
    assert told() == []
    report.end(ImportReport.Verdict.WRITTEN, "3 organizations were added.")
    assert told() == [("olivia", "[Portal] Import of firms.csv: written")]
    assert told() == []
    assert Alert.objects.get().closed_at is not None


def test_a_token_that_ends_soon_is_told_to_those_who_may_see_tokens(
    told: Told, owner: User, member: User
) -> None:
    for person in (owner, member):
        save_wishes(person, Wishes({AlertKind.KEY_ENDING: How.AT_ONCE}))
    AlertReader.objects.update_or_create(user=owner, defaults={"time_zone": "Asia/Tokyo"})
    ends = timezone.now() + dt.timedelta(days=20)
    token = ApiToken.objects.create(
        name="Billing", prefix="portal_ab12", digest="d" * 64, expires_at=ends, created_by=owner
    )
    at = f"{ends.astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%d %H:%M} JST"
    assert told() == [("olivia", f"[Portal] The API token “Billing” ends on {at}")]
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
    assert [who for who, _ in told()] == ["olivia"]


def test_an_old_signing_key_is_told_before_it_ends(told: Told, owner: User) -> None:
    save_wishes(owner, Wishes({AlertKind.KEY_ENDING: How.AT_ONCE}))
    webhook, _ = create_webhook(Batch(OPERATOR), WebhookSpec("Desk", "https://hooks.example/x", []))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        renew_key(Batch(OPERATOR), webhook)
        assert told() == []
        clock.shift(13 * HOUR)
        assert len(told()) == 1
        clock.shift(12 * HOUR)
        assert len(told()) == 1
        assert Alert.objects.get().closed_at is not None


def sign_in_from_two_places(person: User) -> None:
    for presence in (Presence(person, address, "Firefox") for address in ("192.0.2.7", "198.51.100.9")):
        with present(functools.partial(lambda here: here, presence)):
            log.note_sign_in(person, ["password"])


def test_a_sign_in_from_a_new_place_is_told_to_that_person_alone(
    told: Told, reader: User, mail_server: MailServer
) -> None:
    sign_in_from_two_places(reader)
    assert told() == [("rita", "[Portal] Your account signed in from a new place")]
    assert "198.51.100.9" in text_of(mail_server.mails[0])
    assert told() == []
    assert not AuditEvent.objects.filter(target_type="alert").exists()  # nobody else reads it in the history


def test_who_has_no_role_hears_of_their_own_account(
    told: Told, stranger: User, main: IntegrationInstance
) -> None:
    set_state(main, status=IntegrationInstance.Status.REFUSED)
    sign_in_from_two_places(stranger)
    assert [mail for mail in told() if mail[0] == "stefan"] == [
        ("stefan", "[Portal] Your account signed in from a new place")
    ]


def test_who_came_in_by_a_stolen_password_cannot_silence_the_warning(told: Told, reader: User) -> None:
    save_wishes(reader, Wishes({AlertKind.NEW_PLACE: How.NEVER}))
    for kind in (None, AlertKind.NEW_PLACE):
        mute(reader, None, kind, timezone.now() + HOUR)
    sign_in_from_two_places(reader)
    assert told() == [("rita", "[Portal] Your account signed in from a new place")]
    assert AlertKind.NEW_PLACE not in {wish.kind for wish in wishes_of(reader, None)}


def test_what_is_older_than_alerts_is_no_news(told: Told, reader: User) -> None:
    with time_machine.travel(timezone.now() - 3 * 24 * HOUR):
        sign_in_from_two_places(reader)
    assert told() == []


def test_the_usual_look_writes_nothing(main: IntegrationInstance, told: Told) -> None:
    set_state(main, status=IntegrationInstance.Status.REFUSED)
    told()
    alerts, messages = Alert.objects.count(), AlertMessage.objects.count()
    assert watch() == 0
    assert (Alert.objects.count(), AlertMessage.objects.count()) == (alerts, messages)
    assert not AlertPreference.objects.exists()
