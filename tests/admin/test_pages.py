"""The admin: who may enter, what every page shows and hides, and that repairs keep the portal's rules."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import (
    ApiToken,
    AuditEvent,
    Company,
    IntegrationInstance,
    Job,
    Organization,
    OrganizationMapping,
)
from tests.conftest import make_user
from tests.support.admin_rows import (
    ADDED_HERE,
    ADDED_ON_THE_PORTAL,
    CHANGED_HERE,
    DIGEST,
    HOOK_KEY,
    HOOK_QUERY,
    OURS,
    REGISTERED,
    TOTP_SECRET,
    address,
    label,
    pages_of,
)
from tests.support.simulated import SECRETS, company_of, make_organization, map_to, table_contents


def text_of(response: Any) -> str:
    """What a person reads on the page."""
    return html.unescape(re.sub(r"<[^>]+>|\s+", " ", response.content.decode()))


# --- who may enter ----------------------------------------------------------------------------------------


def test_every_model_of_the_app_is_registered_and_in_these_tests(
    sample_rows: dict[type[models.Model], models.Model],
) -> None:
    from django.apps import apps

    assert set(apps.get_app_config("integrations").get_models()) == set(OURS)
    assert set(sample_rows) == set(REGISTERED)


@pytest.mark.exhaustive
def test_every_page_opens_for_a_superuser_and_shows_no_secret(
    sample_rows: dict[type[models.Model], models.Model], desk: Client
) -> None:
    instance, person = sample_rows[IntegrationInstance], sample_rows[User]
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
    for model, row in sample_rows.items():
        shown = get("change", address(model, "change", row.pk))
        assert shown.status_code == 200, label(model)
        past = get("history", address(model, "history", row.pk))
        own = shown.context.get("portal_history")
        assert past.status_code == (302 if own else 200), label(model)
        if own:  # the portal's own, which has something to show of it
            assert past.headers["Location"] == own
            assert own in html.unescape(shown.content.decode())
            assert desk.get(own).status_code == 200
        elif shown.context.get("has_portal_history"):
            assert "historylink" not in shown.content.decode(), label(model)
        assert get("list", address(model, "changelist")).status_code == 200, label(model)
        added = get("add", address(model, "add"))
        if model in ADDED_ON_THE_PORTAL:
            name, arguments = ("person_add", []) if model is User else ("instance_add", ["autotask"])
            assert added.headers["Location"] == reverse(f"integrations:{name}", args=arguments)
        else:
            assert added.status_code == (200 if model in ADDED_HERE else 403), label(model)


@pytest.mark.exhaustive
def test_what_is_read_only_has_no_field_to_type_in(
    sample_rows: dict[type[models.Model], models.Model], desk: Client
) -> None:
    for model, row in sample_rows.items():
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


@pytest.mark.exhaustive
def test_nobody_else_sees_or_does_anything(
    sample_rows: dict[type[models.Model], models.Model], others: dict[str, Client]
) -> None:
    before = table_contents(Organization, OrganizationMapping, IntegrationInstance, Job, ApiToken)
    searched = (
        reverse("admin:autocomplete") + "?term=Abbott&app_label=integrations&model_name=organizationmapping"
        "&field_name=organization"
    )
    for page, where in [*pages_of(sample_rows), ("search", searched)]:
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


def test_hostile_names_stay_text(desk: Client, refreshed: IntegrationInstance) -> None:
    refreshed.companies.filter(remote_id="101").update(name="<script>alert(1)</script>")
    organization = make_organization("<img src=x onerror=alert(2)>")
    map_to(User.objects.get(username="sonja"), refreshed, organization, 101)
    for where in (
        address(Company, "changelist"),
        address(OrganizationMapping, "changelist"),
        address(AuditEvent, "changelist"),
        address(Organization, "change", organization.pk),
        address(Company, "change", company_of(refreshed, 101).pk),
    ):
        page = desk.get(where).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
