"""Where help is needed: links that lead out, the search of the first page, one tenant connected twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import IntegrationInstance
from integrations.models.instances import InstanceQuerySet
from integrations.services.audit import Batch
from integrations.services.instances import instance_cards
from integrations.services.suggestions.decisions import ignore_organization
from tests.support.rows import make_instance
from tests.support.simulated import actor_of, connect, make_organization, map_to

ClientOf = Callable[[User], Client]
HELP = "https://www.autotask.net/help/Content/4_Admin/1CompanySettings_Users/ResourcesUsersHR/Resources/"
VENDOR_PAGES = (
    "https://helpdesk.kaseya.com/hc/en-gb/articles/4407245633169-Create-an-API-User-in-Datto-PSA-Autotask",
    f"{HELP}API_Tracking_Identifier.htm",
)


def page_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def link_to(page: str, address: str) -> str:
    """The one link to the address, with its text."""
    [found] = re.findall(rf'<a href="{re.escape(address)}"[^>]*>.*?</a>', page, re.DOTALL)
    return str(found)


def test_the_help_leads_to_the_vendors_pages_and_to_the_tenants_own_autotask(
    instance: IntegrationInstance, owner: User, member: User, reader: User, client_of: ClientOf
) -> None:
    add = page_of(client_of(owner), reverse("integrations:instance_add", args=["autotask"]))
    assert "your Autotask" not in add  # nobody knows which yet
    pages = [
        add,
        *(page_of(client_of(person), instance.get_absolute_url()) for person in (owner, member, reader)),
    ]
    for page in pages:
        for address in VENDOR_PAGES:
            link = link_to(page, address)
            assert 'target="_blank" rel="noopener noreferrer"' in link
            assert "in a new tab" in link
    assert instance.web_url.startswith("https://ww")
    for page in pages[1:]:
        assert "your Autotask" in link_to(page, instance.web_url)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "shown", "hidden"),
    [
        ("", ("Ohio office", "Texas"), ()),
        ("datto psa", ("Ohio office", "Texas", "Autotask PSA (Datto PSA)"), ()),
        ("OHIO", ("Ohio office", "Show all"), ("Texas",)),
        ("datto tex", ("Texas",), ("Ohio office",)),
        ("dallas", ("Texas",), ("Ohio office",)),  # by its description
        ("halo", ("No integration or configuration has “halo” in its name.",), ("Ohio office", "Add conf")),
    ],
)
def test_the_first_page_is_searched(
    owner: User, client_of: ClientOf, text: str, shown: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    make_instance("Ohio office")
    make_instance("Texas", description="Bought in Dallas")
    page = page_of(client_of(owner), f"{reverse('integrations:home')}?q={text}")
    for words in shown:
        assert words in page
    for words in hidden:
        assert words not in page


def test_a_stranger_searches_nothing(stranger: User, client_of: ClientOf) -> None:
    assert client_of(stranger).get(f"{reverse('integrations:home')}?q=Main").status_code == 404


def every_instance() -> InstanceQuerySet:
    return IntegrationInstance.objects.present()


def test_one_tenant_connected_twice_is_said_and_its_open_organizations_are_counted_once(
    refreshed: IntegrationInstance, owner: User, reader: User, client_of: ClientOf
) -> None:
    instance = refreshed
    for name in ("Abbott", "Birchwood", "Calloway"):
        make_organization(name)
    ignore_organization(Batch(actor_of(owner)), instance, make_organization("Nobody"))
    twin = connect(owner, name="Twin")
    assert twin.database_id == instance.database_id

    cards = {card.instance.name: card for card in instance_cards(every_instance())}
    assert {name: (card.unmapped, card.ignored) for name, card in cards.items()} == {
        "Main": (3, 1), "Twin": (0, 0),
    }  # fmt: skip
    assert cards["Twin"].counted_with == instance
    for person in (owner, reader):
        home = page_of(client_of(person), reverse("integrations:home"))
        assert home.count("3 organizations have a company in no configuration yet") == 1
        assert "This is the same Autotask as <a" in home
        for one, other in ((instance, twin), (twin, instance)):
            page = page_of(client_of(person), one.get_absolute_url())
            assert f">{other.name}</a> connects to the same Autotask (database 513558)" in page

    IntegrationInstance.objects.filter(pk=twin.pk).update(deleted_at="2026-01-01T00:00:00Z")
    assert "the same Autotask" not in page_of(client_of(owner), instance.get_absolute_url())


def test_what_is_mapped_elsewhere_is_part_of_the_whole(
    refreshed: IntegrationInstance, second: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    """A tenant of which nothing is mapped is not "100 % unmapped" where most are mapped in another one."""
    for name in ("Abbott", "Birchwood", "Calloway"):
        map_to(owner, refreshed, make_organization(name), 101)
    make_organization("Dunmore")
    cards = {card.instance.name: card for card in instance_cards(every_instance())}
    assert {name: (card.mapped, card.unmapped, card.elsewhere) for name, card in cards.items()} == {
        refreshed.name: (3, 1, 0), second.name: (0, 1, 3),
    }  # fmt: skip
    only = instance_cards(IntegrationInstance.objects.filter(pk=second.pk))
    assert [card.elsewhere for card in only] == [3]  # also where the other one is not to be seen
    home = page_of(client_of(owner), reverse("integrations:home"))
    assert re.search(r"state=elsewhere#mappings\">Elsewhere</a></th><td>3</td><td>75 %", home)


def test_two_tenants_are_not_taken_for_one(
    refreshed: IntegrationInstance, second: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    make_instance("Imported and never connected")
    make_instance("So is this")
    for one in every_instance():
        assert "the same Autotask" not in page_of(client_of(owner), one.get_absolute_url())
    assert not any(card.counted_with for card in instance_cards(every_instance()))
