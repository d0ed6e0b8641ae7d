"""The catch-all company: chosen by an owner, taken back by undo, told only to programs that ask for it."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AuditEvent, Company, IgnoredOrganization, IntegrationInstance
from integrations.services.audit import Actor, Batch
from integrations.services.companies.search import catch_all_choices
from integrations.services.exports.configurations import export_configurations
from integrations.services.history.undo import undo_batch
from integrations.services.imports.configurations import import_configurations
from integrations.services.imports.reports import Outcome, RowResult
from integrations.services.instances.catch_all import NotUsable, set_catch_all
from integrations.services.read_api.resolve import By, Fallback, Question, Source, Unresolved, resolve
from integrations.services.read_api.scope import Scope
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import actor_of, make_organization

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]


@pytest.fixture
def own(main: IntegrationInstance) -> Company:
    """The MSP itself."""
    return make_company(main, 0, "Our MSP")


def ask(name: str, fallback: Fallback = Fallback.CATCH_ALL, scope: Scope | None = None) -> tuple[Source, str]:
    found = resolve(scope or Scope(None), Question(By.NAME, name, fallback=fallback))
    return found.source, found.company.name if found.company else ""


def refusal(name: str, fallback: Fallback = Fallback.CATCH_ALL, scope: Scope | None = None) -> str:
    """The code of the refusal that the question must meet."""
    with pytest.raises(Unresolved) as refused:
        ask(name, fallback, scope)
    return refused.value.code


# --- what programs are told ---------------------------------------------------------------------------------


def test_it_is_told_for_what_is_not_mapped_and_only_if_asked_for(
    owner: User, main: IntegrationInstance, own: Company
) -> None:
    make_mapping(make_organization("Abbott"), make_company(main, 101, "Abbott LLC"))
    make_organization("Birch")
    set_catch_all(Batch(actor_of(owner)), main, own)
    assert ask("Birch") == (Source.CATCH_ALL, "Our MSP")
    assert ask("Abbott") == (Source.MAPPING, "Abbott LLC")
    assert ask("Birch", Fallback.DEFAULT) == (Source.FALLBACK, "")
    assert refusal("Birch", Fallback.FAIL) == "unmapped"


def test_what_is_ignored_unknown_or_elsewhere_never_falls_into_it(
    owner: User, main: IntegrationInstance, own: Company
) -> None:
    set_catch_all(Batch(actor_of(owner)), main, own)
    IgnoredOrganization.objects.create(organization=make_organization("Cedar"), psa="autotask")
    second = make_instance("Second")
    make_mapping(make_organization("Dunmore"), make_company(second, 7, "Dunmore LLC"))
    unknown = "unknown_organization"
    for name, code in (("Cedar", "ignored"), ("Nobody", unknown), ("Dunmore", unknown)):
        assert refusal(name, scope=Scope(frozenset({main.pk}))) == code


@pytest.mark.parametrize(
    "change",
    [{"is_active": False}, {"missing_since": timezone.now()}, {"is_pending": True}, {"remote_id": "9"}],
)
def test_one_that_is_gone_is_told_to_nobody(
    change: dict[str, object], owner: User, main: IntegrationInstance, own: Company
) -> None:
    make_organization("Birch")
    assert refusal("Birch") == "no_catch_all"
    set_catch_all(Batch(actor_of(owner)), main, own)
    Company.objects.filter(pk=own.pk).update(**change)
    assert refusal("Birch") == "no_catch_all"


def test_it_counts_in_the_default_configuration_alone(
    owner: User, main: IntegrationInstance, own: Company
) -> None:
    make_organization("Birch")
    set_catch_all(Batch(actor_of(owner)), main, own)
    assert refusal("Birch", scope=Scope(frozenset({make_instance("Second").pk}))) == "no_default"
    IntegrationInstance.objects.filter(pk=main.pk).update(is_default=False)
    assert refusal("Birch") == "no_default"


# --- choosing it --------------------------------------------------------------------------------------------


def test_only_a_company_in_use_of_the_same_configuration_is_taken(
    owner: User, main: IntegrationInstance, own: Company
) -> None:
    actor = actor_of(owner)
    foreign = make_company(make_instance("Second"), 101, "Elsewhere")
    shut = make_company(main, 102, "Shut", is_active=False)
    for company in (foreign, shut):
        with pytest.raises(NotUsable):
            set_catch_all(Batch(actor), main, company)
    open_ = make_company(main, 103, "Open")
    assert catch_all_choices(main, "") == [own]
    assert catch_all_choices(main, "shut") == [own]
    assert catch_all_choices(main, "open") == [own, open_]
    assert set_catch_all(Batch(actor), main, own)
    main.refresh_from_db()
    assert not set_catch_all(Batch(actor), main, own)
    assert AuditEvent.objects.filter(action="catch-all company changed").count() == 1


def test_it_is_taken_back_unless_it_changed_again(
    owner: User, main: IntegrationInstance, own: Company
) -> None:
    actor, other = actor_of(owner), make_company(main, 101, "Triage")
    first, second = Batch(actor), Batch(actor)
    set_catch_all(first, main, own)
    set_catch_all(second, main, other)
    assert undo_batch(actor, first.key).left == ["Main"]
    undone = undo_batch(actor, second.key)
    main.refresh_from_db()
    assert main.catch_all_company() == own
    undo_batch(actor, undone.batch)
    main.refresh_from_db()
    assert main.catch_all_company() == other


def test_an_owner_chooses_and_takes_it_back_in_the_browser(
    owner: User, member: User, client_of: Signed, main: IntegrationInstance, own: Company
) -> None:
    browser, address = client_of(owner), reverse("integrations:catch_all", args=["autotask", main.pk])
    setup = main.get_absolute_url()
    assert address in browser.get(setup).content.decode()
    assert address not in client_of(member).get(setup).content.decode()
    assert "your own company" in browser.get(address).content.decode()
    assert "No active company fits “zzz”." in browser.get(address, {"q": "zzz"}).content.decode()
    done = browser.post(address, {"company": own.pk}, follow=True).content.decode()
    assert "The catch-all company is Our MSP." in done
    assert "Our MSP (id 0), for tools that ask for it" in done
    shown = client_of(member).get(setup).content.decode()
    assert "Our MSP (id 0)" in shown
    told = browser.get(reverse("integrations:history")).content.decode()
    assert "atch-all company changed" in told
    Company.objects.filter(pk=own.pk).update(is_active=False)
    assert "inactive or no longer in Autotask" in browser.get(setup).content.decode()
    assert "It is inactive or no longer in Autotask" in browser.get(address).content.decode()
    none = browser.post(address, {"company": ""}, follow=True).content.decode()
    assert "There is no catch-all company." in none
    [undo] = re.findall(r'action="(/undo/[^"]*)"', none)
    browser.post(undo)
    main.refresh_from_db()
    assert main.catch_all_id == "0"


def test_nothing_but_a_company_of_the_configuration_is_chosen(
    owner: User, client_of: Signed, main: IntegrationInstance, own: Company
) -> None:
    browser, address = client_of(owner), reverse("integrations:catch_all", args=["autotask", main.pk])
    foreign = make_company(make_instance("Second"), 101, "Elsewhere")
    shut = make_company(main, 102, "Shut", is_active=False)
    for company in (foreign.pk, shut.pk, 10**12, "x"):
        assert browser.post(address, {"company": company}).status_code == 404
    main.refresh_from_db()
    assert main.catch_all_id == ""


# --- export and import --------------------------------------------------------------------------------------


def imported(actor: Actor, file: io.BytesIO) -> tuple[RowResult, uuid.UUID | None]:
    """The result of the one row, and the batch; None where nothing was written."""
    report = import_configurations(Batch(actor), file, {})
    [row] = report.rows
    return row, report.batch


def csv_of(instance: IntegrationInstance, **changes: str) -> io.BytesIO:
    [row] = export_configurations([instance])
    values = {
        **{name: str(value) for name, value in row.items()},
        "filters": "",
        "expectations": "",
        **changes,
    }
    return io.BytesIO(f"{','.join(values)}\n{','.join(values.values())}\n".encode())


def test_a_file_brings_it_before_the_companies_are_read(owner: User, main: IntegrationInstance) -> None:
    actor = actor_of(owner)
    assert imported(actor, csv_of(main))[0].outcome is Outcome.SKIPPED
    row, batch = imported(actor, csv_of(main, catch_all="0"))
    assert row.outcome is Outcome.UPDATED
    main.refresh_from_db()
    assert main.catch_all_id == "0"
    assert main.catch_all_company() is None
    # A file of before it was known leaves it as it is.
    file = csv_of(main, name="Main", description="Changed").read().decode()
    names, values = (line.split(",") for line in file.strip().splitlines())
    at = names.index("catch_all")
    del names[at], values[at]
    older = io.BytesIO(f"{','.join(names)}\n{','.join(values)}\n".encode())
    assert imported(actor, older)[0].outcome is Outcome.UPDATED
    main.refresh_from_db()
    assert (main.description, main.catch_all_id) == ("Changed", "0")
    assert batch is not None
    undo_batch(actor, batch)
    main.refresh_from_db()
    assert main.catch_all_id == ""


@pytest.mark.parametrize("text", ["1 2", "1" * 41])
def test_what_can_be_no_id_is_refused(text: str, owner: User, main: IntegrationInstance) -> None:
    row, _ = imported(actor_of(owner), csv_of(main, catch_all=text))
    assert (row.outcome, row.message) == (Outcome.FAILED, "catch all must be the id of a company in the PSA")
