"""Webhooks: what is told to whom, signed, repeated until it arrives, and never to a private address."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations import tasks
from integrations.models import (
    AuditEvent,
    Company,
    Organization,
    ReviewNotice,
    Webhook,
    WebhookDelivery,
    WebhookEvent,
)
from integrations.models.audit import Action
from integrations.outbound.addresses import Gate
from integrations.services.audit import Batch, Change
from integrations.services.deliveries import end_attempt
from integrations.services.webhooks import edit as services
from integrations.services.webhooks import outbox as deliveries
from integrations.services.webhooks import send as webhook_sending
from integrations.services.webhooks.edit import WebhookSpec, create_webhook
from integrations.services.webhooks.review_notices import note_reviews
from integrations.services.webhooks.send import (
    AddressRefused,
    Message,
    SendingFailed,
    check_address,
    send,
)
from tests.read_api.conftest import OPERATOR, make_company, make_instance, map_to, unmap

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
Status = WebhookDelivery.Status
MOST_ATTEMPTS, CLAIM_LASTS = WebhookDelivery.MOST_ATTEMPTS, WebhookDelivery.CLAIM_LASTS


class QuickToStop(HTTPServer):
    """A server that looks each 20 ms whether it is to stop; the usual half a second is longer than a test."""

    def thread_target(self) -> None:
        """Serve."""
        assert self.server is not None
        self.server.serve_forever(poll_interval=0.02)


@pytest.fixture
def receiver(settings: Any) -> Iterator[HTTPServer]:
    """Another program on this machine, whose address the setting allows."""
    with QuickToStop(port=0) as server:
        settings.WEBHOOK_ALLOWED_HOSTS = [f"{server.host}:{server.port}"]
        yield server


@pytest.fixture
def company() -> Company:
    return make_company(make_instance("Main"), "101", "ACME LLC")


@pytest.fixture
def acme() -> Organization:
    return Organization.objects.create(name="Acme Dental", external_id="A-1")


def make(url: str, *events: WebhookEvent) -> tuple[Webhook, str]:
    return create_webhook(Batch(OPERATOR), WebhookSpec("Billing", url, events or tuple(WebhookEvent)))


def bodies(server: HTTPServer) -> list[dict[str, Any]]:
    return [json.loads(request.data) for request, _ in server.log]


# --- what is told -----------------------------------------------------------------------------------------


def test_a_change_is_told_with_what_was_and_what_is(
    receiver: HTTPServer, company: Company, acme: Organization
) -> None:
    receiver.expect_request("/hook", method="POST").respond_with_data("thanks", 204)
    make(receiver.url_for("/hook"))
    mapping = map_to(acme, company)
    unmap(mapping)
    assert deliveries.work() == 2
    made, removed = bodies(receiver)
    place = {
        "instance_id": company.instance_id, "instance_name": "Main", "psa": "autotask",
        "company_id": "101", "company_name": "ACME LLC",
    }  # fmt: skip
    (change,) = made["changes"]
    assert made["event"] == "mapping.changed"
    assert change["external_id"] == "A-1"
    assert (change["before"], change["after"]) == (None, place)
    assert (removed["changes"][0]["before"], removed["changes"][0]["after"]) == (place, None)
    assert made["changes"][0]["position"] < removed["changes"][0]["position"]
    assert {delivery.status for delivery in WebhookDelivery.objects.all()} == {Status.DELIVERED}
    assert deliveries.work() == 0


def test_one_press_of_a_button_is_one_message_of_a_hundred_changes_at_most(company: Company) -> None:
    make("https://hooks.example/x")
    batch = Batch(OPERATOR)
    changes = [
        Change(Action.MAPPING_CREATED, "mapping", str(row.pk), row.name, None, None, company.instance)
        for row in Organization.objects.bulk_create(Organization(name=f"O {n}") for n in range(250))
    ]
    batch.record(changes)
    batch.record([Change(Action.ORGANIZATION_ADDED, "organization", "1", "O")])
    assert deliveries.queue_deliveries() == 250
    sizes = [len(row.payload["changes"]) for row in WebhookDelivery.objects.order_by("pk")]
    assert sizes == [100, 100, 50]
    assert {row.payload["batch"] for row in WebhookDelivery.objects.all()} == {str(batch.key)}
    assert deliveries.queue_deliveries() == 0


def test_a_webhook_hears_what_it_asked_for_from_the_moment_it_was_made(
    company: Company, acme: Organization
) -> None:
    mapping = map_to(acme, company)
    reviews, _ = make("https://hooks.example/reviews", WebhookEvent.MAPPING_REVIEW)
    changes, _ = make("https://hooks.example/changes", WebhookEvent.MAPPING_CHANGED)
    deliveries.queue_deliveries()
    assert not WebhookDelivery.objects.exists()
    unmap(mapping)
    deliveries.queue_deliveries()
    assert [row.webhook for row in WebhookDelivery.objects.all()] == [changes]
    reviews.refresh_from_db()
    assert reviews.position == AuditEvent.objects.latest("pk").pk


def test_a_change_that_was_rolled_back_is_not_told(company: Company, acme: Organization) -> None:
    make("https://hooks.example/x")
    with transaction.atomic():
        map_to(acme, company)
        transaction.set_rollback(True)
    assert deliveries.queue_deliveries() == 0


def test_a_worker_killed_while_queueing_loses_and_repeats_nothing(
    company: Company, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = make("https://hooks.example/x")
    map_to(acme, company)
    with monkeypatch.context() as patched:
        patched.setattr(Webhook, "save", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deliveries.queue_deliveries()
    webhook.refresh_from_db()
    assert not WebhookDelivery.objects.exists()
    assert deliveries.queue_deliveries() == 1
    assert deliveries.queue_deliveries() == 0
    assert WebhookDelivery.objects.count() == 1


# --- reviews ----------------------------------------------------------------------------------------------


def test_a_mapping_that_begins_to_need_review_is_told_once(company: Company, acme: Organization) -> None:
    make("https://hooks.example/x", WebhookEvent.MAPPING_REVIEW)
    map_to(acme, company)
    assert note_reviews() == 0
    Company.objects.update(missing_since=timezone.now())
    assert [note_reviews(), note_reviews()] == [1, 0]
    Company.objects.update(is_active=False)
    assert [note_reviews(), note_reviews()] == [1, 0]
    Company.objects.update(is_active=True, missing_since=None)
    assert [note_reviews(), note_reviews()] == [1, 0]
    assert not ReviewNotice.objects.exists()
    deliveries.queue_deliveries()
    told = [row.payload["changes"][0] for row in WebhookDelivery.objects.order_by("pk")]
    assert [(each["action"], each["reasons"]) for each in told] == [
        ("review needed", ["company_missing"]),
        ("review needed", ["company_missing", "company_inactive"]),
        ("review settled", []),
    ]
    assert {(each["external_id"], each["company_id"]) for each in told} == {("A-1", "101")}


def test_a_renamed_company_needs_review_until_somebody_confirms(company: Company, acme: Organization) -> None:
    mapping = map_to(acme, company)
    Company.objects.update(name="Something else")
    assert note_reviews() == 1
    mapping.confirmed_name = "Something else"
    mapping.save()
    assert note_reviews() == 1


@pytest.mark.parametrize("gone", ["mapping", "organization", "instance"])
def test_what_is_gone_needs_no_review(gone: str, company: Company, acme: Organization) -> None:
    mapping = map_to(acme, company)
    Company.objects.update(missing_since=timezone.now())
    note_reviews()
    if gone == "mapping":
        unmap(mapping)
    else:
        row = acme if gone == "organization" else company.instance
        row.deleted_at = timezone.now()
        row.save()
    assert [note_reviews(), note_reviews()] == [1, 0]
    assert AuditEvent.objects.latest("pk").action == "review settled"


# --- signing ----------------------------------------------------------------------------------------------


def test_a_message_is_signed_over_time_and_body(
    receiver: HTTPServer, company: Company, acme: Organization
) -> None:
    receiver.expect_request("/hook").respond_with_data("")
    _, key = make(receiver.url_for("/hook"))
    map_to(acme, company)
    before = timezone.now().timestamp()
    deliveries.work()
    (request, _) = receiver.log[0]
    parts = dict(part.split("=") for part in request.headers["Portal-Signature"].split(","))
    expected = hmac.new(key.encode(), parts["t"].encode() + b"." + request.data, hashlib.sha256).hexdigest()
    assert parts["v1"] == expected
    assert abs(int(parts["t"]) - before) < 30
    delivery = WebhookDelivery.objects.get()
    assert request.headers["Portal-Event-Id"] == str(delivery.event_id) == bodies(receiver)[0]["id"]
    assert request.headers["Portal-Event"] == "mapping.changed"
    assert request.headers["Content-Type"] == "application/json"


def test_the_signing_key_is_kept_sealed_and_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    webhook, key = make("https://hooks.example/x?token=in-the-query")
    renewed = services.renew_key(Batch(OPERATOR), webhook)
    assert key != renewed
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # names of our own tables
            kept = str(cursor.fetchall())
            assert key not in kept
            assert renewed not in kept
            assert table == "integrations_webhook" or "in-the-query" not in kept
    assert "whsec_" not in caplog.text
    assert renewed not in repr(Message("id", "event", b"", (renewed,)))


def test_a_lost_key_ring_is_a_failed_delivery(
    settings: Any, receiver: HTTPServer, company: Company, acme: Organization
) -> None:
    make(receiver.url_for("/hook"))
    map_to(acme, company)
    settings.PORTAL_ENCRYPTION_KEYS = ["YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY="]
    deliveries.work()
    assert "signing key or the address cannot be opened" in WebhookDelivery.objects.get().error
    assert receiver.log == []


# --- repetition -------------------------------------------------------------------------------------------


def test_a_failed_message_is_sent_again_later_and_later(
    receiver: HTTPServer, company: Company, acme: Organization
) -> None:
    receiver.expect_request("/hook").respond_with_data("broken", 503)
    make(receiver.url_for("/hook"))
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        map_to(acme, company)
        for attempt in range(1, MOST_ATTEMPTS + 1):
            assert deliveries.work() == 1
            delivery = WebhookDelivery.objects.get()
            assert (delivery.attempts, delivery.response_code) == (attempt, 503)
            assert delivery.error == "Answered 503."
            waits.append((delivery.next_attempt_at - timezone.now()).total_seconds())
            assert deliveries.work() == 0
            clock.shift(dt.timedelta(seconds=max(waits[-1], deliveries.LONGEST_REST) + 1))
        assert WebhookDelivery.objects.get().status == Status.FAILED
        assert deliveries.work() == 0
    for attempt, wait in enumerate(waits):
        usual = min(10 * 3**attempt, 6 * 3600)
        assert usual / 2 <= wait <= usual
    assert len(receiver.log) == MOST_ATTEMPTS
    assert len({request.headers["Portal-Event-Id"] for request, _ in receiver.log}) == 1


def test_a_receiver_that_comes_back_gets_everything(receiver: HTTPServer, company: Company) -> None:
    receiver.expect_ordered_request("/hook").respond_with_data("", 500)
    receiver.expect_request("/hook").respond_with_data("")
    webhook, _ = make(receiver.url_for("/hook"))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(3):
            map_to(Organization.objects.create(name=f"O {number}"), company)
        assert deliveries.work() == 1  # the others are spared meanwhile
        webhook.refresh_from_db()
        assert webhook.rests_until is not None
        clock.shift(61)
        assert deliveries.work() == 3
    webhook.refresh_from_db()
    assert webhook.rests_until is None
    assert {row.status for row in WebhookDelivery.objects.all()} == {Status.DELIVERED}


def test_one_refused_message_does_not_hold_up_the_next(receiver: HTTPServer, company: Company) -> None:
    receiver.expect_ordered_request("/hook").respond_with_data("", 400)
    receiver.expect_request("/hook").respond_with_data("")
    make(receiver.url_for("/hook"))
    for number in range(2):
        map_to(Organization.objects.create(name=f"O {number}"), company)
    assert deliveries.work() == 2
    states = list(WebhookDelivery.objects.order_by("pk").values_list("status", flat=True))
    assert states == [Status.WAITING, Status.DELIVERED]


def test_a_worker_killed_while_sending_is_followed_by_another(
    receiver: HTTPServer, company: Company, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.expect_request("/hook").respond_with_data("")
    make(receiver.url_for("/hook"))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        map_to(acme, company)

        def killed(*_: object) -> int:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(deliveries, "send", killed)
            with pytest.raises(KeyboardInterrupt):
                deliveries.work()
        assert deliveries.work() == 0  # its claim still holds
        clock.shift(CLAIM_LASTS + dt.timedelta(seconds=1))
        assert deliveries.work() == 1
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.claim) == (Status.DELIVERED, 2, None)


def test_no_two_workers_are_at_one_delivery(company: Company, acme: Organization) -> None:
    make("https://hooks.example/x")
    map_to(acme, company)
    deliveries.queue_deliveries()
    now = timezone.now()
    first = deliveries._claimed(now)
    assert first is not None
    assert deliveries._claimed(now) is None
    late = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(next_attempt_at=now)
    second = deliveries._claimed(now)
    assert second is not None
    assert second.claim != late.claim
    end_attempt(first, status=Status.DELIVERED)  # the one that was given up for dead writes nothing
    assert WebhookDelivery.objects.get().status == Status.WAITING


def test_nothing_is_sent_inside_a_transaction(
    company: Company,
    acme: Organization,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    depths = []
    outside = len(connection.savepoint_ids)

    def look(*_: object) -> int:
        depths.append(len(connection.savepoint_ids))
        return 200

    monkeypatch.setattr(deliveries, "send", look)
    make("https://hooks.example/x")
    map_to(acme, company)
    assert deliveries.work() == 1
    assert depths == [outside]


def test_old_deliveries_are_forgotten(company: Company, acme: Organization) -> None:
    make("https://hooks.example/x")
    map_to(acme, company)
    deliveries.queue_deliveries()
    later = timezone.now() + deliveries.KEPT_FOR + dt.timedelta(days=1)
    assert deliveries.forget_old(later) == 0  # what waits is not forgotten
    WebhookDelivery.objects.update(status=Status.DELIVERED)
    assert deliveries.forget_old(timezone.now()) == 0
    assert deliveries.forget_old(later) == 1


# --- the worker -------------------------------------------------------------------------------------------


def test_a_worker_is_woken_once_while_something_is_owed(
    receiver: HTTPServer, company: Company, acme: Organization
) -> None:
    receiver.expect_request("/hook").respond_with_data("")
    assert not tasks.wake_webhooks()
    make(receiver.url_for("/hook"))
    assert not tasks.wake_webhooks()
    map_to(acme, company)
    assert [tasks.wake_webhooks(), tasks.wake_webhooks()] == [True, False]
    (call,) = DBTaskResult.objects.all()
    assert call.task_path == "integrations.tasks.deliver_webhooks"
    tasks.deliver_webhooks.func()
    assert len(receiver.log) == 1
    assert not tasks.wake_webhooks()
    unmap(acme.mappings.get())
    assert tasks.wake_webhooks()


# --- where to ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "ftp://hooks.example/x",
        "hooks.example",
        "https://",
        "https://user:secret@hooks.example/",
        "https://hooks.example/#part",
        "https://hooks.example/a b",
        "https://hooks.example:99999/",
        "https://localhost/x",
        "https://api.localhost/x",
        "https://127.0.0.1/x",
        "https://10.1.2.3/x",
        "https://192.168.0.1:8443/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[fe80::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://0.0.0.0/x",
        "javascript:alert(1)",
        "https://hooks\u200b.example/",
    ],
)
def test_an_address_that_is_not_public_https_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(url)
    with pytest.raises(AddressRefused):
        make(url)
    with pytest.raises(SendingFailed, match="Not sent"):
        send(url, Message("1", "mapping.changed", b"{}", ("key",)))
    assert not Webhook.objects.exists()


def test_the_setting_names_exceptions_by_host_and_port(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["10.0.0.5:8443", "Hooks.LAN:80"]
    check_address("https://10.0.0.5:8443/x")
    check_address("http://hooks.lan/x")
    for url in ("https://10.0.0.5/x", "http://hooks.lan:8080/x", "https://10.0.0.6:8443/x"):
        with pytest.raises(AddressRefused):
            check_address(url)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "172.16.0.9", "100.64.0.1"])
def test_a_name_that_leads_inside_is_refused_when_connecting(address: str) -> None:
    dialled: list[object] = []

    def dial(target: object, _: float) -> socket.socket:
        dialled.append(target)
        raise OSError

    public = (socket.AF_INET, ("93.184.216.34", 443))
    inside = (socket.AF_INET, (address, 443))
    for answer in ([inside], [public, inside]):
        gate = Gate(resolve=lambda *_, answer=answer: answer, open_socket=dial)
        with pytest.raises(SendingFailed, match="private or reserved network"):
            send("https://hooks.example/x", Message("1", "mapping.changed", b"{}", ("key",)), gate)
    assert dialled == []


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    looked_up, dialled = [], []

    def look_up(host: str, port: int) -> Any:
        looked_up.append(host)
        return [(socket.AF_INET, ("93.184.216.34", port))]

    def dial(target: object, _: float) -> socket.socket:
        dialled.append(target)
        raise OSError("not here")

    gate = Gate(resolve=look_up, open_socket=dial)
    with pytest.raises(SendingFailed, match=r"could not reach hooks\.example"):
        send("https://hooks.example/x?token=hidden", Message("1", "mapping.changed", b"{}", ("key",)), gate)
    assert looked_up == ["hooks.example"]
    assert dialled == [(socket.AF_INET, ("93.184.216.34", 443))]


def test_redirects_are_not_followed(receiver: HTTPServer, company: Company, acme: Organization) -> None:
    receiver.expect_request("/hook").respond_with_data("", 302, {"Location": receiver.url_for("/other")})
    receiver.expect_request("/other").respond_with_data("")
    make(receiver.url_for("/hook"))
    map_to(acme, company)
    deliveries.work()
    assert [request.path for request, _ in receiver.log] == ["/hook"]
    assert "redirects are not followed" in WebhookDelivery.objects.get().error


def test_a_silent_and_an_endless_receiver_are_left_in_time(
    receiver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def endless(_: Request) -> Response:
        return Response(iter(lambda: b"x" * 1024, b""), 200)

    def silent(_: Request) -> Response:
        go_on.wait(5)
        return Response("")

    receiver.expect_request("/endless").respond_with_handler(endless)
    receiver.expect_request("/silent").respond_with_handler(silent)
    monkeypatch.setattr(webhook_sending, "READ_TIMEOUT", 0.1)
    message = Message("1", "mapping.changed", b"{}", ("key",))
    assert send(receiver.url_for("/endless"), message) == 200
    with pytest.raises(SendingFailed, match="No answer in time"):
        send(receiver.url_for("/silent?token=hidden"), message)
    go_on.set()
    receiver.clear()


# --- the pages --------------------------------------------------------------------------------------------


def again_as(client_of: Browser, user: User) -> Client:
    """A browser whose person has entered the password again just now."""
    client = client_of(user)
    client.post(reverse("account_reauthenticate"), {"password": "a long pass phrase"})
    return client


@pytest.fixture
def delivery(company: Company, acme: Organization) -> WebhookDelivery:
    make("https://hooks.example/x?token=hidden")
    map_to(acme, company)
    deliveries.queue_deliveries()
    return WebhookDelivery.objects.get()


def pages(delivery: WebhookDelivery) -> dict[str, str]:
    pk = delivery.webhook_id
    named = {
        name: reverse(f"integrations:webhook{name}", args=[pk])
        for name in ("", "_edit", "_activate", "_renew", "_drop_key", "_delete")
    }
    named["s"] = reverse("integrations:webhooks")
    named["_add"] = reverse("integrations:webhook_add")
    named["delivery"] = reverse("integrations:delivery", args=[pk, delivery.pk])
    named["again"] = reverse("integrations:delivery_again", args=[pk, delivery.pk])
    return named


def test_the_pages_are_for_owners(
    delivery: WebhookDelivery, owner: User, member: User, reader: User, stranger: User, client_of: Browser
) -> None:
    changing = {"_activate", "_drop_key", "again"}
    others, owners = [client_of(person) for person in (member, reader, stranger)], again_as(client_of, owner)
    for name, page in pages(delivery).items():
        for method in ("get", "post"):
            assert "login" in getattr(Client(), method)(page).headers["Location"]
            for client in others:
                assert getattr(client, method)(page).status_code == 404
        assert owners.get(page).status_code == (405 if name in changing else 200), name
    assert Webhook.objects.get().is_active


@pytest.mark.parametrize("name", ["_add", "_edit", "_renew"])
def test_secrets_and_addresses_ask_for_the_password_again(
    name: str, delivery: WebhookDelivery, owner: User, client_of: Browser
) -> None:
    for method in ("get", "post"):
        response = getattr(client_of(owner), method)(pages(delivery)[name])
        assert response.status_code == 302
        assert "reauthenticate" in response.headers["Location"]


def test_an_owner_adds_a_webhook_whose_key_is_shown_once(owner: User, client_of: Browser) -> None:
    client = again_as(client_of, owner)
    values = {"name": "Billing", "url": "https://hooks.example/x", "events": ["mapping.changed"]}
    response = client.post(reverse("integrations:webhook_add"), values)
    webhook = Webhook.objects.get()
    key = response.context["key"]
    assert webhook.secret.reveal() == {"key": key}
    assert response.content.decode().count(key) == 1
    assert (webhook.events, webhook.created_by) == (["mapping.changed"], owner)
    assert AuditEvent.objects.get(action="webhook created").actor == owner
    for page in (webhook.get_absolute_url(), reverse("integrations:webhook_edit", args=[webhook.pk])):
        assert key not in client.get(page).content.decode()


@pytest.mark.parametrize(
    "change", [{"url": "https://10.0.0.1/"}, {"url": "http://hooks.example/"}, {"events": []}, {"name": ""}]
)
def test_a_wrong_form_adds_nothing(change: dict[str, Any], owner: User, client_of: Browser) -> None:
    values = {"name": "Billing", "url": "https://hooks.example/x", "events": ["mapping.changed"]} | change
    response = again_as(client_of, owner).post(reverse("integrations:webhook_add"), values)
    assert response.status_code == 422
    assert not Webhook.objects.exists()


def test_the_log_shows_each_delivery_and_sends_it_again(
    receiver: HTTPServer, company: Company, acme: Organization, owner: User, client_of: Browser
) -> None:
    receiver.expect_ordered_request("/hook").respond_with_data("", 410)
    receiver.expect_request("/hook").respond_with_data("")
    webhook, _ = make(receiver.url_for("/hook?token=hidden"))
    map_to(acme, company)
    deliveries.work()
    client = client_of(owner)
    page = client.get(webhook.get_absolute_url()).content.decode()
    for shown in ("mapping.changed", "Answered 410.", "Will be tried again"):
        assert shown in page
    assert "token=hidden" not in page
    assert "/hook" not in page
    row = WebhookDelivery.objects.get()
    message = client.get(pages(row)["delivery"]).content.decode()
    assert "Acme Dental" in message
    response = client.post(pages(row)["again"], follow=True)
    assert "sent again within seconds" in response.content.decode()
    deliveries.work()
    first, second = (request.headers["Portal-Event-Id"] for request, _ in receiver.log)
    assert first == second
    assert "Delivered" in client.get(webhook.get_absolute_url()).content.decode()
    client.post(pages(row)["again"])
    assert deliveries.work() == 1  # also what has arrived already
    assert AuditEvent.objects.filter(action="delivery sent again").count() == 2


def test_a_paused_webhook_is_sent_nothing(
    delivery: WebhookDelivery, acme: Organization, owner: User, client_of: Browser, monkeypatch: Any
) -> None:
    sent: list[object] = []

    def keep(*arguments: object) -> int:
        sent.append(arguments)
        return 200

    monkeypatch.setattr(deliveries, "send", keep)
    client = client_of(owner)
    client.post(pages(delivery)["_activate"], {"active": "no"})
    unmap(acme.mappings.get())
    assert deliveries.work() == 0
    assert "Resume it first" in client.post(pages(delivery)["again"], follow=True).content.decode()
    client.post(pages(delivery)["_activate"], {"active": "yes"})
    assert deliveries.work() == 1  # what waited before; what happened while it was paused is not told
    assert len(sent) == 1


def test_an_owner_changes_renews_and_deletes(
    delivery: WebhookDelivery, owner: User, client_of: Browser
) -> None:
    client, at = again_as(client_of, owner), pages(delivery)
    values = {"name": "Ticketing", "url": "https://hooks.example/y", "events": ["mapping.review"]}
    client.post(at["_edit"], values)
    webhook = Webhook.objects.get()
    assert (webhook.name, webhook.host, webhook.events) == ("Ticketing", "hooks.example", ["mapping.review"])
    assert webhook.address.reveal() == {"url": "https://hooks.example/y"}
    assert "nothing differs" in client.post(at["_edit"], values, follow=True).content.decode()
    old = webhook.secret.reveal()["key"]
    shown = client.post(at["_renew"]).context["key"]
    webhook.refresh_from_db()
    assert webhook.secret.reveal()["key"] == shown != old
    assert "the one before signs too until" in client.get(at[""]).content.decode()
    assert "signs no more" in client.post(at["_drop_key"], follow=True).content.decode()
    webhook.refresh_from_db()
    assert webhook.secret.reveal() == {"key": shown}
    assert "the one before" not in client.get(at[""]).content.decode()
    assert "Only one key" in client.post(at["_drop_key"], follow=True).content.decode()
    client.post(at["_delete"])
    assert not Webhook.objects.exists()
    actions = AuditEvent.objects.filter(target_type="webhook").order_by("pk").values_list("action", flat=True)
    assert list(actions) == [
        "webhook created", "webhook changed", "webhook key renewed", "webhook old key dropped",
        "webhook deleted",
    ]  # fmt: skip
