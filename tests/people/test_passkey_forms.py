"""What is sent as a passkey by hand: it does not fit, whatever it is, and no page breaks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import AccountEvent
from tests.people.test_second_factor import ADD, give_passkey, proven, sign_in
from tests.support.passkey import Device, asked, browser

pytestmark = pytest.mark.django_db
CODE, AGAIN = "/accounts/2fa/authenticate/", "/accounts/2fa/webauthn/reauthenticate/"
CUT, TURNED, GONE = object(), object(), object()
NOT_LOOKED_AT = {"id", "clientExtensionResults"}  # its second name, and what the portal asks for nothing of
ODD: tuple[object, ...] = (
    None,
    0,
    True,
    "",
    "x",
    "AAAA",
    "é",
    [],
    {},
    ["x"],
    {"x": "y"},
    "A" * 5000,
    1e308,
    "\u0000",
)
WHOLE = ("", "null", "1", '"x"', "[]", "{}", "[" * 4000, '{"a":' * 4000, "{" + " " * 60_001 + "}", "NaN")


def spoilt(make: Callable[[], str]) -> Iterator[str]:
    """Right answers, each with one part replaced by an odd value, left out, cut or turned round."""
    whole = json.loads(make())
    places = [(None, name) for name in whole] + [("response", name) for name in whole["response"]]
    for part, name in places:
        if name in NOT_LOOKED_AT:
            continue
        for value in (*ODD, CUT, TURNED, GONE):
            changed = json.loads(make())
            place = changed[part] if part else changed
            if value is GONE:
                del place[name]
            elif value is CUT or value is TURNED:
                text = str(place[name])
                place[name] = text[: len(text) // 2] if value is CUT else text[::-1]
            else:
                place[name] = value
            yield json.dumps(changed)


def challenge(client: Client, address: str) -> dict[str, Any]:
    return asked(client.get(address).content.decode())


@pytest.mark.exhaustive
def test_no_answer_made_by_hand_adds_a_passkey_or_breaks_the_page(owner: User) -> None:
    client = proven(owner)
    made = spoilt(lambda: Device().create(challenge(client, ADD)))
    for credential in (*WHOLE, *made):
        assert client.post(ADD, {"name": "x", "credential": credential}).status_code == 200, credential[:300]
    assert not Authenticator.objects.exists()


@pytest.mark.exhaustive
def test_no_answer_made_by_hand_signs_in_or_breaks_the_page(owner: User, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    device = give_passkey(proven(owner))
    client = browser()
    sign_in(client, owner)
    made = spoilt(lambda: device.get(challenge(client, CODE)))
    for credential in (*WHOLE, *made):
        assert client.post(CODE, {"credential": credential}).status_code == 200, credential[:300]
    failed = AccountEvent.objects.filter(person=owner, kind=AccountEvent.Kind.FAILED)
    assert failed.count() > 50
    assert client.post(CODE, {"credential": device.get(challenge(client, CODE))}).status_code == 302
    for credential in WHOLE:  # the library leads whose passkey does not fit to the overview, which says so
        assert client.post(AGAIN, {"credential": credential}).status_code == 302, credential[:300]
    assert client.get(reverse("integrations:token_add")).status_code in {302, 404}, "nothing was proven"


def test_the_name_of_a_passkey_is_short_and_can_be_read(owner: User) -> None:
    client = proven(owner)
    credential = Device().create(challenge(client, ADD))
    assert client.post(ADD, {"name": "x" * 61, "credential": credential}).status_code == 200
    give_passkey(client, "Lap\u202etop \u0007one")
    give_passkey(client, "\u200b\u202e")
    keys = Authenticator.objects.filter(type="webauthn").order_by("pk")
    assert [key.wrap().name for key in keys] == ["Laptop one", "Passkey 2"]
    edit = reverse("mfa_edit_webauthn", args=[keys[0].pk])
    for wrong in ("", "\u200b", "x" * 61):
        assert client.post(edit, {"name": wrong}).status_code == 200
    client.post(edit, {"name": "\u2066Mine\u2069"})
    assert [key.wrap().name for key in keys.all()] == ["Mine", "Passkey 2"]
