"""Signatures as the Standard Webhooks specification has them, checked by its own library."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from integrations.models import Company, Organization, Webhook
from integrations.services.audit import Batch
from integrations.services.webhooks import edit, outbox
from integrations.services.webhooks.keys import OVERLAP, new_key, signature_headers
from tests.read_api.conftest import OPERATOR, map_to
from tests.webhooks.test_webhooks import acme, company, make, receiver

__all__ = ["acme", "company", "receiver"]  # fixtures

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def accepts(key: str | bytes, headers: dict[str, str], body: bytes) -> bool:
    try:
        Verifier(key).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_a_key_has_the_form_of_the_specification() -> None:
    key = new_key()
    assert key.startswith("whsec_")
    assert len(base64.b64decode(key.removeprefix("whsec_"), validate=True)) == 32
    assert key != new_key()


def test_the_known_answer_of_the_specification() -> None:
    """Its published example: key, id, time and body have exactly this signature."""
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    now = dt.datetime.fromtimestamp(1_614_265_330, dt.UTC)
    headers = signature_headers([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", now, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


@pytest.mark.parametrize("offset", [-11, 0, 5.5])
def test_the_time_is_the_same_in_every_zone(offset: float) -> None:
    key, body = new_key(), '{"name":"Müller"}'.encode()
    there = NOW.astimezone(dt.timezone(dt.timedelta(hours=offset)))
    with time_machine.travel(NOW):
        assert accepts(key, signature_headers([key], "1", there, body), body)


def test_what_was_changed_on_the_way_is_refused() -> None:
    key, body = new_key(), b'{"a":1}'
    headers = signature_headers([key], "1", NOW, body)
    with time_machine.travel(NOW):
        assert accepts(key, headers, body)
        assert not accepts(key, headers, b'{"a":2}')
        assert not accepts(key, headers | {"webhook-id": "2"}, body)
        assert not accepts(new_key(), headers, body)
    with time_machine.travel(NOW + dt.timedelta(minutes=6)):
        assert not accepts(key, headers, body)


def test_a_key_of_before_is_its_own_bytes() -> None:
    old = "whk_" + "x" * 43
    headers = signature_headers([old], "1", NOW, b"{}")
    given = "whsec_" + base64.b64encode(old.encode()).decode()  # as docs/api.md says
    with time_machine.travel(NOW):
        assert accepts(given, headers, b"{}")


def sent(receiver: HTTPServer) -> tuple[dict[str, str], bytes]:
    request = receiver.log[-1][0]
    return dict(request.headers), request.data


@pytest.mark.django_db
def test_both_keys_sign_for_a_day_after_a_renewal(
    receiver: HTTPServer, company: Company, acme: Organization
) -> None:
    receiver.expect_request("/hook").respond_with_data("")
    webhook, old = make(receiver.url_for("/hook"))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        key = edit.renew_key(Batch(OPERATOR), webhook)
        mapping = map_to(acme, company)
        outbox.work()
        headers, body = sent(receiver)
        assert accepts(old, headers, body)
        assert accepts(key, headers, body)
        told = json.loads(body)
        assert (headers["Webhook-Id"], told["type"]) == (told["id"], "mapping.changed")
        clock.shift(OVERLAP)
        mapping.delete()
        edit.send_again(Batch(OPERATOR), webhook.deliveries.get())
        outbox.work()
        headers, body = sent(receiver)
        assert not accepts(old, headers, body)
        assert accepts(key, headers, body)


@pytest.mark.django_db
def test_a_key_that_is_renewed_twice_keeps_the_one_that_the_receiver_knows(
    receiver: HTTPServer, company: Company, acme: Organization
) -> None:
    receiver.expect_request("/hook").respond_with_data("")
    webhook, known = make(receiver.url_for("/hook"))

    def accepted(*keys: str) -> list[bool]:
        outbox.work()
        headers, body = sent(receiver)
        return [accepts(key, headers, body) for key in keys]

    with time_machine.travel(timezone.now(), tick=False) as clock:
        unseen = edit.renew_key(Batch(OPERATOR), webhook)  # a page that was reloaded, say
        clock.shift(3600)
        key = edit.renew_key(Batch(OPERATOR), webhook)
        map_to(acme, company)
        assert accepted(known, unseen, key) == [True, True, True]
        assert edit.old_key_ends(Webhook.objects.get()) == timezone.now() + OVERLAP - dt.timedelta(hours=1)
        clock.shift(OVERLAP - dt.timedelta(hours=1))
        edit.send_again(Batch(OPERATOR), webhook.deliveries.get())
        assert accepted(known, unseen, key) == [False, True, True]
        assert edit.drop_old_key(Batch(OPERATOR), webhook)
        edit.send_again(Batch(OPERATOR), webhook.deliveries.get())
        assert accepted(known, unseen, key) == [False, False, True]


@pytest.mark.django_db
def test_a_leaked_key_stops_at_once(receiver: HTTPServer, company: Company, acme: Organization) -> None:
    receiver.expect_request("/hook").respond_with_data("")
    webhook, old = make(receiver.url_for("/hook"))
    key = edit.renew_key(Batch(OPERATOR), webhook)
    assert edit.old_key_ends(Webhook.objects.get()) is not None
    assert edit.drop_old_key(Batch(OPERATOR), webhook)
    assert not edit.drop_old_key(Batch(OPERATOR), webhook)
    assert edit.old_key_ends(Webhook.objects.get()) is None
    map_to(acme, company)
    outbox.work()
    headers, body = sent(receiver)
    assert accepts(key, headers, body)
    assert not accepts(old, headers, body)


@pytest.mark.django_db
def test_a_lost_key_ring_does_not_keep_from_a_new_key(settings: Any) -> None:
    webhook, _ = make("https://hooks.example/x")
    settings.PORTAL_ENCRYPTION_KEYS = ["YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY="]
    assert edit.old_key_ends(Webhook.objects.get()) is None
    with pytest.raises(edit.KeysUnreadable):
        edit.drop_old_key(Batch(OPERATOR), webhook)
    key = edit.renew_key(Batch(OPERATOR), webhook)
    assert Webhook.objects.get().secret.reveal() == {"key": key}
