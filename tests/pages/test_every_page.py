"""What every page has, found by walking all addresses: the way back, where one is, Cancel, times in one form.

A page that is added is walked too: its address has to show something (``addresses`` holds the rows), or it is
one that only takes what is sent.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client

from integrations.models import (
    AlertChannel,
    ApiToken,
    AuditEvent,
    ImportReport,
    ImportSource,
    IntegrationInstance,
    Job,
    Organization,
    OrganizationMapping,
    RefreshSummary,
    Webhook,
    WebhookDelivery,
)
from tests.support.addresses import account_routes, pages
from tests.support.markup import Element, tree_of
from tests.support.passkey import HOST, Device, asked

Rows = dict[type[models.Model], models.Model]
ZONE = ZoneInfo("Pacific/Kiritimati")  # 14 hours ahead of UTC: there it is mostly another day
PASSKEYS = "/accounts/2fa/webauthn/add/"
# What is shown to nobody in particular, or before somebody is in: they have no way back and no place.
ENTRANCE = {"account_inactive", "account_welcome", "account_reauthenticate", "socialaccount_login_cancelled"}
# Addresses that show this person another page or none: they take what is sent, or need another state.
ELSEWHERE = {
    "draft_check", "account_login", "account_logout", "account_stay", "account_reauthenticate_sso",
    "mfa_authenticate", "mfa_reauthenticate", "mfa_deactivate_totp", "mfa_reauthenticate_webauthn",
    "openid_connect_login", "openid_connect_callback", "mappings_decide_all",
}  # fmt: skip
PARTS = {"mappings", "job"}  # of the setup page, swapped in
FILES = {"mappings_export", "configurations_export", "organizations_export", "import_report_rows",
    "organizations_template", "mfa_download_recovery_codes"}  # fmt: skip
TYPED = {"text", "password", "email", "url", "number", "date", "datetime-local", "search", "file", "tel", ""}
DATES = re.compile(
    r"\b\d{4}-\d\d-\d\d\b|\b\d{1,2}:\d\d\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b"
    r"|\b\d{1,2}\.? (January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
_LENGTH = r"\d+ (minute|hour|day|month|year)s?"
AGO = re.compile(rf"just now|in a moment|{_LENGTH} ago|in {_LENGTH}")


@pytest.fixture
def addresses(sample_rows: Rows, desk: Client) -> dict[str, str]:
    """Every address by its name, with rows that it can show."""
    mapping, event = sample_rows[OrganizationMapping], sample_rows[AuditEvent]
    assert isinstance(mapping, OrganizationMapping)
    assert isinstance(event, AuditEvent)
    at_home: dict[str, Any] = {"SERVER_NAME": HOST, "headers": {"Host": HOST}}
    credential = Device().create(asked(desk.get(PASSKEYS, **at_home).content.decode()))
    desk.post(PASSKEYS, {"name": "Laptop", "credential": credential}, **at_home)
    passkey = Authenticator.objects.get(type="webauthn").pk
    file = SimpleUploadedFile("firms.csv", b"Ref;Firm;Town\nA-1;Quillback Marina;Erie\nA-2;;Akron\n")
    step: Any = desk.post("/organizations/upload/", {"file": file, "look": "1", "rows": "all"})
    desk.cookies["timezone"] = str(ZONE)
    shown = {
        "integrations": IntegrationInstance, "organizations": Organization, "jobs": Job,
        "sources": ImportSource, "people": User, "webhooks": Webhook, "alerts": AlertChannel,
        "tokens": ApiToken, "drift": RefreshSummary,
    }  # fmt: skip
    rows = {name: sample_rows[model].pk for name, model in shown.items()}
    report = sample_rows[ImportReport]
    assert isinstance(report, ImportReport)
    values = {
        "psa": "autotask", "organization_id": mapping.organization_id, "company_id": mapping.company_id,
        "batch": event.batch, "event_id": event.pk, "delivery_id": sample_rows[WebhookDelivery].pk,
    }  # fmt: skip
    found = {}
    for page in pages():
        first = page.route.split("/")[0]
        keys = {"imports": report.key if "files" not in page.route else step["Location"].split("/")[3]}
        found[page.name] = page.address(
            values | {"pk": rows.get(first, 0), "key": keys.get(first, event.batch)}
        )
    for route, name in account_routes().items():
        found[name] = "/" + route.replace("<int:pk>", str(passkey)).replace("<str:provider_id>", "sso")
    return found


@pytest.fixture
def shown(addresses: dict[str, str], desk: Client) -> dict[str, Element]:
    """Every page by its name; whatever shows none is one of those that are known to."""
    found, odd = {}, {}
    for name, address in addresses.items():
        answer: Any = desk.get(address)
        if answer.status_code == 405 or name in ELSEWHERE | PARTS | FILES:
            continue
        if answer.status_code != 200:
            odd[name] = answer.status_code
        found[name] = tree_of(answer.content.decode())
    assert odd == {}
    return found


def main_of(page: Element) -> Element:
    main = page.first("main")
    assert main is not None
    return main


# --- the way back, and where one is ---------------------------------------------------------------


def wrong_breadcrumb(page: Element) -> Iterator[str]:
    """Overview / pages above, each a link / this page, which is none."""
    trails = list(page.all("nav", where=lambda each: each["aria-label"] == "Breadcrumb"))
    if len(trails) != 1:
        yield f"{len(trails)} breadcrumbs"
        return
    steps = list(trails[0].all("li"))
    first = steps[0].first("a")
    if first is None or (first["href"], first.text()) != ("/", "Integrations"):
        yield f"begins with {steps[0].text()}"
    if [step["aria-current"] for step in steps] != [""] * (len(steps) - 1) + ["page"]:
        yield f"where one is, is not the last of {[step.text() for step in steps]}"


def wrong_place(page: Element) -> Iterator[str]:
    """Exactly one entry of the bar at the top says that one is there, or below it."""
    bar = page.first("header", where=lambda each: "topbar" in each.classes())
    entries = (
        []
        if bar is None
        else [each.text() for each in bar.all("a", where=lambda each: "aria-current" in each.values)]
    )
    if len(entries) != 1:
        yield f"the navigation marks {entries}"


# --- forms ----------------------------------------------------------------------------------------


def typed_in(form: Element) -> list[Element]:
    """The controls of a form in which somebody enters or chooses something that is then sent."""
    inputs = form.all("input", where=lambda each: each["type"] in TYPED and "hidden" not in each.values)
    return [*inputs, *form.all("textarea"), *form.all("select")]


def without_cancel(page: Element) -> Iterator[str]:
    """Whoever began to fill in a form, or is asked whether to go on, can leave it beside its button."""
    for form in main_of(page).all("form", where=lambda each: each["method"].lower() == "post"):
        acts = form.first(where=lambda each: "form-actions" in each.classes())
        is_in_a_menu = any(
            each.tag in {"table", "dialog"} or "menu-panel" in each.classes()
            for each in (form, *form.above())
        )
        in_a_row = is_in_a_menu or form["id"] == "mapping-form"
        if in_a_row or (acts is None and not typed_in(form)):
            continue
        if form.first("a", where=lambda each: each.text() == "Cancel") is None:
            yield f"no Cancel in the form to {form['action'] or 'itself'}"


# --- times ----------------------------------------------------------------------------------------


def wrong_times(page: Element) -> Iterator[str]:
    """A time stands in <time>, which tells programs the moment, and people their own clock in one form."""
    main = main_of(page)
    for each in main.all("time"):
        text, told = each.text(), each["datetime"]
        try:
            moment = dt.datetime.fromisoformat(told)
        except ValueError:
            yield f"<time> tells {told!r}"
            continue
        if re.fullmatch(r"\d{4}-\d\d-\d\d", told):
            forms = {told}
        else:
            local = moment.astimezone(ZONE)
            forms = {f"{local:{form}}" for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")}
        if text not in forms and not AGO.fullmatch(text):
            yield f"{told} is shown as {text!r}"
    for stray in DATES.finditer(main.text("time", "code", "pre", "option", "textarea", "script")):
        yield f"{stray[0]!r} outside <time>: {stray.string[max(0, stray.start() - 60) : stray.end() + 20]!r}"


def test_every_page_says_where_it_is_how_to_leave_and_when(shown: dict[str, Element]) -> None:
    faults = {}
    for name, page in shown.items():
        found = [*wrong_times(page)]
        if name not in ENTRANCE:
            found += wrong_place(page)
        if name not in ENTRANCE | {"home"}:
            found += wrong_breadcrumb(page)
        if name != "account_welcome":  # whoever was given a link has nowhere to go back to
            found += without_cancel(page)
        if found:
            faults[name] = found
    assert faults == {}
    assert len(shown) > 60


# --- what a form says that was sent with mistakes -------------------------------------------------

NEVER_SENT_BACK = re.compile(r"Type it again|Choose it again")
VAGUE = ("This field is required", "Enter a valid value", "This value is required")


def filled(form: Element, text: str, secret: str) -> dict[str, Any]:
    """What the form sends when somebody enters these in every field; choices stay empty."""
    sent: dict[str, Any] = {}
    for each in form.all("input", "textarea", "select"):
        kind = each["type"]
        if kind in {"checkbox", "radio", "submit", "button"} or not each["name"]:
            continue
        if kind == "hidden":
            sent[each["name"]] = each["value"]
        elif kind == "password" or "data-written-only" in each.values:
            sent[each["name"]] = secret
        elif kind == "file":
            sent[each["name"]] = SimpleUploadedFile("empty.csv", b"") if secret else ""
        elif each.tag != "select":
            sent[each["name"]] = text
    return sent


def secrets_of(form: Element) -> list[Element]:
    """Its fields whose entry no page gives back."""
    return list(
        form.all("input", where=lambda each: each["type"] == "password" or "data-written-only" in each.values)
    )


def field_of(control: Element) -> Element:
    return next(each for each in control.above() if "field" in each.classes())


def forms_to_send(shown: dict[str, Element], addresses: dict[str, str]) -> Iterator[tuple[str, str, Element]]:
    """Every form of the pages in which something is typed, with where it goes."""
    for name, page in shown.items():
        for form in main_of(page).all("form", where=lambda each: each["method"].lower() == "post"):
            if typed_in(form) and form["id"] != "mapping-form":
                yield name, form["action"] or addresses[name], form


@pytest.mark.exhaustive
def test_every_form_says_what_to_enter_and_which_secret_to_type_again(
    shown: dict[str, Element], addresses: dict[str, str], desk: Client
) -> None:
    """Sent empty it asks for no secret again; with secrets and a mistake elsewhere it asks for each."""
    faults, refused, with_secrets = [], set(), set()
    for name, address, form in forms_to_send(shown, addresses):
        for secret in ("", "a secret of mine"):
            answer: Any = desk.post(address, filled(form, "", secret))
            if answer.status_code not in {200, 400, 422}:
                continue
            refused.add(name)
            page = tree_of(answer.content.decode())
            text = main_of(page).text()
            faults += [f"{name}: {words}" for words in VAGUE if words in text]
            for control in secrets_of(main_of(page)):
                asks = bool(NEVER_SENT_BACK.search(field_of(control).text()))
                was_sent = bool(secret) and any(control["name"] == each["name"] for each in secrets_of(form))
                if asks != was_sent:
                    faults.append(f"{name}, {control['name']}: sent {was_sent}, asked for again {asks}")
                with_secrets.add(name)
    assert faults == []
    assert len(refused) > 15
    assert {"setup", "instance_add", "webhook_edit", "alert_channel_add", "source_add"} <= with_secrets
