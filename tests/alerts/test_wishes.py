"""Who hears how: digests at an hour of the person's own clock, mutes, and choices for one configuration."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Alert, AlertKind, AlertMessage, AlertReader, IntegrationInstance, Occurrence
from integrations.services.alerts import How, Wishes, mute, save_wishes, watch, work
from integrations.services.alerts.outbox import forget_old
from integrations.services.alerts.wishes import next_digest
from integrations.services.audit import Batch
from integrations.services.instances.delete import delete_instance
from integrations.services.mapping import confirm_mappings
from tests.alerts.conftest import MailServer, tell, text_of
from tests.support.rows import make_company, make_mapping
from tests.support.simulated import actor_of, make_organization

REFUSED, CONNECTED = IntegrationInstance.Status.REFUSED, IntegrationInstance.Status.CONNECTED
HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "hour", "after", "due"),
    [
        ("Europe/Berlin", 8, "2026-01-15T06:59", "2026-01-15T07:00"),
        ("Europe/Berlin", 8, "2026-01-15T07:00", "2026-01-16T07:00"),  # the moment itself is past
        ("Europe/Berlin", 8, "2026-03-28T07:00", "2026-03-29T06:00"),  # clocks go forward: 23 hours later
        ("Europe/Berlin", 8, "2026-10-24T06:00", "2026-10-25T07:00"),  # and back: 25
        ("Europe/Berlin", 2, "2026-03-29T00:00", "2026-03-29T01:00"),  # an hour that this day does not have
        ("Europe/Berlin", 2, "2026-10-24T12:00", "2026-10-25T00:00"),  # one that it has twice: the first
        ("Europe/Berlin", 2, "2026-10-25T00:00", "2026-10-26T01:00"),  # and not the second
        ("America/New_York", 8, "2026-11-01T11:00", "2026-11-01T13:00"),
        ("Pacific/Kiritimati", 8, "2026-05-01T17:00", "2026-05-01T18:00"),  # tomorrow already
        ("Pacific/Pago_Pago", 8, "2026-05-01T18:00", "2026-05-01T19:00"),  # still today
        ("Asia/Kathmandu", 8, "2026-05-01T00:00", "2026-05-01T02:15"),
        ("Australia/Lord_Howe", 2, "2026-10-03T12:00", "2026-10-03T15:30"),  # half an hour is left out
        ("", 8, "2026-05-01T07:00", "2026-05-01T08:00"),  # the portal's own
        ("Mars/Olympus", 8, "2026-05-01T07:00", "2026-05-01T08:00"),  # unknown here: the portal's own
    ],
)
def test_a_digest_comes_at_the_hour_that_the_persons_clock_shows(
    zone: str, hour: int, after: str, due: str
) -> None:
    reader = AlertReader(digest_hour=hour, time_zone=zone)
    moment = dt.datetime.fromisoformat(after).replace(tzinfo=dt.UTC)
    assert next_digest(reader, moment) == dt.datetime.fromisoformat(due).replace(tzinfo=dt.UTC)


def set_status(instance: IntegrationInstance, status: str) -> None:
    IntegrationInstance.objects.filter(pk=instance.pk).update(status=status)


def wants(user: User, how: How, instance: IntegrationInstance | None = None) -> None:
    save_wishes(user, Wishes({AlertKind.CREDENTIALS_REFUSED: how}, instance))


@pytest.mark.django_db
def test_a_digest_tells_everything_of_a_day_in_one_mail(
    main: IntegrationInstance, other: IntegrationInstance, owner: User, mail_server: MailServer
) -> None:
    with time_machine.travel(timezone.now().replace(hour=9), tick=False) as clock:
        wishes = Wishes({AlertKind.CREDENTIALS_REFUSED: How.DIGEST}, digest=(8, "UTC"))
        save_wishes(owner, wishes)
        set_status(main, REFUSED)
        tell()
        clock.shift(HOUR)
        set_status(main, CONNECTED)
        set_status(other, REFUSED)
        tell()
        assert mail_server.mails == []
        clock.shift(22 * HOUR)
        tell()
        assert mail_server.subjects == ["[Portal] 3 alerts from the portal"]
        text = text_of(mail_server.mails[0])
        for title in ("Main: the", "Over: Main: the", "Other: the"):
            assert f"{title} credentials are refused" in text
        clock.shift(24 * HOUR)
        tell()
        assert len(mail_server.mails) == 1  # nothing to tell, no mail


@pytest.mark.django_db
def test_what_is_said_of_one_configuration_counts_before_what_is_said_of_all(
    main: IntegrationInstance, other: IntegrationInstance, owner: User, reader: User, mail_server: MailServer
) -> None:
    wants(owner, How.NEVER)
    wants(owner, How.AT_ONCE, other)
    wants(reader, How.AT_ONCE)  # may look, and is told when they ask for it
    for instance in (main, other):
        set_status(instance, REFUSED)
    tell()
    assert sorted((str(mail["To"]), str(mail["Subject"])) for mail in mail_server.mails) == [
        ("olivia@example.com", "[Portal] Other: the credentials are refused"),
        ("rita@example.com", "[Portal] Main: the credentials are refused"),
        ("rita@example.com", "[Portal] Other: the credentials are refused"),
    ]


@pytest.mark.django_db
def test_what_is_muted_waits_and_is_dropped_when_it_is_over_by_then(
    main: IntegrationInstance, other: IntegrationInstance, owner: User, member: User, mail_server: MailServer
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mute(owner, None, AlertKind.CREDENTIALS_REFUSED, timezone.now() + 2 * HOUR)
        for instance in (main, other):
            set_status(instance, REFUSED)
        tell()
        assert {str(mail["To"]) for mail in mail_server.mails} == {"marcus@example.com"}
        set_status(main, CONNECTED)
        tell()
        mail_server.mails.clear()
        clock.shift(2 * HOUR + dt.timedelta(seconds=1))
        tell()
        assert mail_server.subjects == ["[Portal] Other: the credentials are refused"]
        set_status(other, CONNECTED)
        tell()
        assert mail_server.subjects.count("[Portal] Over: Other: the credentials are refused") == 2


@pytest.mark.django_db
def test_muting_holds_what_waits_and_unmuting_lets_it_go(
    main: IntegrationInstance, owner: User, mail_server: MailServer
) -> None:
    set_status(main, REFUSED)
    watch()
    mute(owner, main, None, timezone.now() + HOUR)
    assert work() == 0
    mute(owner, main, None, None)
    assert work() == 1
    mute(owner, main, None, timezone.now() + HOUR)
    assert forget_old(timezone.now() + 2 * HOUR) == 1  # the mute, when it has ended
    assert len(mail_server.mails) == 1


@pytest.mark.django_db
def test_who_changes_their_mind_is_told_by_the_new_choice(
    main: IntegrationInstance, owner: User, mail_server: MailServer
) -> None:
    set_status(main, REFUSED)
    wants(owner, How.DIGEST)
    watch()
    assert AlertMessage.objects.get().is_digest
    wants(owner, How.AT_ONCE)
    assert not AlertMessage.objects.get().is_digest
    wants(owner, How.NEVER)
    assert not AlertMessage.objects.exists()


@pytest.mark.django_db
def test_a_digest_that_is_being_sent_takes_up_nothing_more(
    main: IntegrationInstance, other: IntegrationInstance, owner: User, mail_server: MailServer
) -> None:
    """What was added while it was sent would be told by nobody."""
    wants(owner, How.DIGEST)
    set_status(main, REFUSED)
    watch()
    AlertMessage.objects.update(attempts=1)
    set_status(other, REFUSED)
    watch()
    assert AlertMessage.objects.count() == 2


@pytest.mark.django_db
def test_a_cause_comes_back_after_its_first_time_was_forgotten(main: IntegrationInstance) -> None:
    for _ in range(2):
        for status in (REFUSED, CONNECTED):
            set_status(main, status)
            watch()
        Alert.objects.update(closed_at=timezone.now() - HOUR)
    Alert.objects.filter(turn=1).update(closed_at=timezone.now() - 91 * 24 * HOUR)
    assert forget_old(timezone.now()) == 1
    set_status(main, REFUSED)
    assert watch() == 1
    assert list(Alert.objects.order_by("turn").values_list("turn", flat=True)) == [2, 3]


@pytest.mark.django_db
def test_without_a_mail_server_nothing_is_owed_to_people(main: IntegrationInstance, owner: User) -> None:
    set_status(main, REFUSED)
    assert watch() == 1
    assert not AlertMessage.objects.exists()


@pytest.mark.django_db
def test_what_is_over_for_long_is_forgotten_and_what_waits_is_not(
    main: IntegrationInstance, owner: User, mail_server: MailServer
) -> None:
    set_status(main, REFUSED)
    tell()
    later = timezone.now() + 91 * 24 * HOUR
    assert forget_old(later) == 2  # the message and its notice; the alert is open
    set_status(main, CONNECTED)
    watch()
    assert forget_old(timezone.now()) == 0
    assert forget_old(later) >= 1
    assert not Alert.objects.exists()


@pytest.mark.django_db
def test_what_is_muted_on_the_page_is_not_sent_until_it_is_unmuted(
    main: IntegrationInstance,
    told: Callable[[], list[tuple[str, str]]],
    member: User,
    owner: User,
) -> None:
    client, until = Client(), timezone.localtime(timezone.now() + 48 * HOUR)
    client.force_login(member)
    mute_page = reverse("integrations:alert_mute")
    posted = {"kind": AlertKind.CREDENTIALS_REFUSED, "until": f"{until:%Y-%m-%dT%H:%M}"}
    assert "Muted until" in client.post(mute_page, posted, follow=True).content.decode()
    IntegrationInstance.objects.filter(pk=main.pk).update(status=IntegrationInstance.Status.REFUSED)
    assert [to for to, _ in told()] == ["olivia"]
    page = client.get(reverse("integrations:alerts")).content.decode()
    assert "Main: the credentials are refused" in page
    assert "Muted until" in page
    (unmute,) = re.findall(r'action="(/alerts/mute/[^"]+)"', page)
    client.post(unmute)
    assert [to for to, _ in told()] == ["marcus"]


@pytest.mark.django_db
@pytest.mark.parametrize("meanwhile", ["nothing", "all decided", "deleted"])
def test_a_digest_asks_nobody_to_look_where_nothing_is_left(
    main: IntegrationInstance, owner: User, mail_server: MailServer, meanwhile: str
) -> None:
    firm, company = make_organization("Firm"), make_company(main, 1, "Firm Ltd")
    make_mapping(firm, company, owner, confirmed_name="Before")
    with time_machine.travel(timezone.now().replace(hour=9), tick=False) as clock:
        found = {"kind": Occurrence.Kind.DRIFT_FOUND, "cause": "refresh:1", "text": "1 mapping of Main."}
        Occurrence.objects.create(instance=main, at=timezone.now(), **found)
        tell()
        clock.shift(HOUR)
        if meanwhile == "all decided":
            assert confirm_mappings(Batch(actor_of(owner)), main, [firm.pk])
        if meanwhile == "deleted":
            delete_instance(Batch(actor_of(owner)), main)
        clock.shift(24 * HOUR)
        tell()
        found_mappings = ["[Portal] Main: the refresh found mappings to look at"]
        assert mail_server.subjects == (found_mappings if meanwhile == "nothing" else [])
