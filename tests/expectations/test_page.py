"""The page of the expectations: what they are, who changes them, and what history keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import AuditEvent, Expectation, IntegrationInstance
from integrations.services.expectations import mark_of, terms_of
from integrations.services.expectations.terms import as_told
from integrations.services.history.undo import undo_batch
from tests.expectations.test_kinds import expect
from tests.support.simulated import actor_of

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]
USUAL = {"fewer": {"effect": "brake", "limit": 30}}


def address(instance: IntegrationInstance, name: str = "expectations") -> str:
    return reverse(f"integrations:{name}", args=[instance.psa, instance.pk])


def entered(instance: IntegrationInstance, **values: Any) -> dict[str, Any]:
    """What the form sends, with some of it changed."""
    fields: dict[str, Any] = {
        f"{kind}_effect": "off" for kind in ("mapped", "unmapped", "credentials", "refreshed", "inbox")
    }
    fields |= {"fewer_effect": "brake", "fewer_limit": "30", "unmapped_days": "7"}
    fields |= {f"{kind}_limit": "5" for kind in ("mapped", "unmapped", "refreshed", "inbox")}
    return fields | {"seen": mark_of(terms_of(instance))} | values


def expected(instance: IntegrationInstance) -> dict[str, Any]:
    return as_told(terms_of(instance))


def test_an_owner_changes_them_and_takes_it_back(
    main: IntegrationInstance, owner: User, client_of: Signed
) -> None:
    window = client_of(owner)
    assert expected(main) == USUAL
    answer = window.post(
        address(main, "expectations_save"),
        entered(main, mapped_effect="warn", mapped_limit="98", fewer_effect="off", unmapped_effect="warn"),
        follow=True,
    )
    assert "The expectations were saved." in answer.content.decode()
    assert expected(main) == {
        "mapped": {"effect": "warn", "limit": 98},
        "unmapped": {"effect": "warn", "limit": 5, "days": 7},
    }
    event = AuditEvent.objects.get(action="expectations changed")
    assert (event.actor, event.before, event.after) == (
        owner,
        {"expectations": USUAL},
        {"expectations": expected(main)},
    )
    told = window.get(reverse("integrations:history_batch", args=[event.batch])).content.decode()
    assert "At least 98 % of the organizations are mapped (warn); At most 5 organizations unmapped" in told
    assert not undo_batch(actor_of(owner), event.batch).left
    assert expected(main) == USUAL
    again = AuditEvent.objects.get(action="expectations put back")
    assert not undo_batch(actor_of(owner), again.batch).left
    assert expected(main)["mapped"]["limit"] == 98


def test_a_colleague_who_was_faster_is_not_overwritten(
    main: IntegrationInstance, owner: User, client_of: Signed
) -> None:
    shown = entered(main, inbox_effect="brake", inbox_limit="3")
    expect(owner, main, fewer=("warn", 10))
    answer = client_of(owner).post(address(main, "expectations_save"), shown)
    assert answer.status_code == 409
    assert "somebody else has changed the expectations" in answer.content.decode()
    assert expected(main) == {"fewer": {"effect": "warn", "limit": 10}}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mapped_effect": "warn", "mapped_limit": "101"}, "Enter a whole number from 1 to 100."),
        ({"mapped_effect": "warn", "mapped_limit": ""}, "Enter a whole number."),
        ({"fewer_limit": "-1"}, "Enter a whole number from 0 to 99."),
        ({"inbox_effect": "warn", "inbox_limit": "many"}, "Enter a whole number from 0 to 100,000."),
        ({"credentials_effect": "brake"}, "Select a valid choice"),
        ({"unmapped_effect": "brake"}, "Select a valid choice"),
        ({"refreshed_effect": "brake"}, "Select a valid choice"),
        ({"unmapped_effect": "warn", "unmapped_days": "366"}, "Enter a whole number from 0 to 365."),
    ],
)  # fmt: skip
def test_what_cannot_be_expected_is_said(
    main: IntegrationInstance, owner: User, client_of: Signed, values: dict[str, str], said: str
) -> None:
    answer = client_of(owner).post(address(main, "expectations_save"), entered(main, **values))
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert expected(main) == USUAL


def test_a_number_of_what_is_not_expected_is_nobodys_business(
    main: IntegrationInstance, owner: User, client_of: Signed
) -> None:
    sent = entered(main, mapped_limit="nonsense", inbox_effect="warn", inbox_limit="4")
    assert client_of(owner).post(address(main, "expectations_save"), sent).status_code == 302
    assert expected(main) == USUAL | {"inbox": {"effect": "warn", "limit": 4}}


@pytest.mark.parametrize(
    ("who", "sees", "changes"),
    [("owner", True, True), ("member", True, False), ("reader", True, False), ("stranger", False, False)],
)
def test_who_sees_them_and_who_changes_them(
    main: IntegrationInstance, client_of: Signed, request: pytest.FixtureRequest,
    who: str, sees: bool, changes: bool,
) -> None:  # fmt: skip
    window = client_of(request.getfixturevalue(who))
    answer = window.get(address(main))
    assert answer.status_code == (200 if sees else 404)
    assert ("Save expectations" in answer.content.decode()) == changes
    assert ("fewer companies than last time" in answer.content.decode()) == sees
    sent = entered(main, inbox_effect="warn")
    assert window.post(address(main, "expectations_save"), sent).status_code == (302 if changes else 404)
    assert Expectation.objects.filter(kind="inbox").exists() == changes
