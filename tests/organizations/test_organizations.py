"""The organizations page in the browser: who may do what, and that the address is the state."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
LIST = "/organizations/"


@pytest.fixture
def acme() -> Organization:
    return Organization.objects.create(
        name="Acme Dental", external_id="7", domain="acme.com", city="Lima", state="OH", phone="614-555-0100"
    )


@pytest.fixture
def mapped(acme: Organization) -> OrganizationMapping:
    now = timezone.now()
    instance = IntegrationInstance.objects.create(psa="autotask", name="Main", username="api@example.com")
    company = Company.objects.create(instance=instance, remote_id="42", name="ACME DENTAL LLC", seen_at=now)
    return OrganizationMapping.objects.create(
        organization=acme, psa="autotask", instance=instance, company=company, confirmed_at=now
    )


def names(client: Client, query: str = "") -> list[str]:
    """The organizations of the list, in their order."""
    response = client.get(f"{LIST}{query}")
    assert response.status_code == 200
    return [organization.name for organization in response.context["listed"].page]


def addresses(pk: int) -> dict[str, str]:
    return {
        "organizations": LIST,
        "organization_add": reverse("integrations:organization_add"),
        "organizations_upload": reverse("integrations:organizations_upload"),
        "organizations_template": reverse("integrations:organizations_template"),
        "organization": reverse("integrations:organization", args=[pk]),
        "organization_edit": reverse("integrations:organization_edit", args=[pk]),
        "organization_delete": reverse("integrations:organization_delete", args=[pk]),
    }


# --- who may what -----------------------------------------------------------------------------------------


def test_everybody_else_is_sent_to_sign_in(acme: Organization) -> None:
    for address in addresses(acme.pk).values():
        response = Client().get(address)
        assert response.status_code == 302
        assert urlsplit(response.headers["Location"]).path == reverse("account_login")


def test_a_stranger_finds_nothing(stranger: User, acme: Organization, client_of: Browser) -> None:
    client = client_of(stranger)
    for address in addresses(acme.pk).values():
        for response in (client.get(address), client.post(address)):
            assert response.status_code == 404
            assert b"Acme" not in response.content


def test_a_reader_sees_and_changes_nothing(reader: User, acme: Organization, client_of: Browser) -> None:
    client = client_of(reader)
    page = client.get(LIST).content.decode()
    assert "Acme Dental" in page
    for name, address in addresses(acme.pk).items():
        readable = name in {"organizations", "organizations_template", "organization"}
        assert client.get(address).status_code == (200 if readable else 404)
        assert client.post(address).status_code == (405 if readable else 404)
        if not readable:
            assert address not in page, "no button that leads to a wall"
    acme.refresh_from_db()
    assert acme.deleted_at is None


@pytest.mark.parametrize("role", ["owner", "member"])
def test_owner_and_member_may_do_all(
    role: str, acme: Organization, client_of: Browser, request: pytest.FixtureRequest
) -> None:
    client = client_of(request.getfixturevalue(role))
    for address in addresses(acme.pk).values():
        assert client.get(address).status_code == 200
    page = client.get(LIST).content.decode()
    for name in ("organization_add", "organizations_upload", "organization", "organization_delete"):
        assert addresses(acme.pk)[name] in page


def test_who_may_add_but_not_change_cannot_import(stranger: User, client_of: Browser) -> None:
    for codename in ("view_organization", "add_organization"):
        stranger.user_permissions.add(Permission.objects.get(codename=codename))
    client = client_of(stranger)
    assert client.get(reverse("integrations:organization_add")).status_code == 200
    assert client.get(reverse("integrations:organizations_upload")).status_code == 404
    assert reverse("integrations:organizations_upload") not in client.get(LIST).content.decode()


def test_reading_never_writes(member: User, acme: Organization, client_of: Browser) -> None:
    client = client_of(member)
    before = list(Organization.objects.values())
    for address in addresses(acme.pk).values():
        client.get(address)
    assert client.get(reverse("integrations:organization_restore", args=[acme.pk])).status_code == 405
    assert list(Organization.objects.values()) == before
    assert not AuditEvent.objects.exists()


def test_a_write_needs_the_token(member: User, acme: Organization) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)
    assert client.post(addresses(acme.pk)["organization_delete"]).status_code == 403
    assert Organization.objects.present().count() == 1


# --- the list ---------------------------------------------------------------------------------------------


@pytest.fixture
def several() -> None:
    Organization.objects.create(name="alpha", external_id="3", city="Troy", state="OH", domain="a.com")
    Organization.objects.create(name="Beta", external_id="1", city="Erie", state="PA", domain="b.com")
    Organization.objects.create(name="Gamma", external_id="2", city="Lima", state="OH", is_active=False)
    Organization.objects.create(name="Delta", external_id="4", deleted_at=timezone.now())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["alpha", "Beta", "Gamma"]),
        ("?status=active", ["alpha", "Beta"]),
        ("?status=inactive", ["Gamma"]),
        ("?status=deleted", ["Delta"]),
        ("?q=BET", ["Beta"]),
        ("?q=lima", ["Gamma"]),
        ("?q=a.com", ["alpha"]),
        ("?q=3", ["alpha"]),
        ("?q=nothing", []),
        ("?sort=name&dir=desc", ["Gamma", "Beta", "alpha"]),
        ("?sort=external_id", ["Beta", "Gamma", "alpha"]),
        ("?sort=city", ["Beta", "Gamma", "alpha"]),
        ("?sort=state", ["alpha", "Gamma", "Beta"]),
        ("?sort=domain&dir=desc", ["Beta", "alpha", "Gamma"]),
        ("?sort=active", ["Gamma", "alpha", "Beta"]),
        ("?sort=updated&dir=desc", ["Gamma", "Beta", "alpha"]),
        ("?sort=password&dir=sideways&status=all-of-them&size=7&page=-1", ["alpha", "Beta", "Gamma"]),
        ("?page=99", ["alpha", "Beta", "Gamma"]),
    ],
)
@pytest.mark.usefixtures("several")
def test_the_address_is_the_state(reader: User, client_of: Browser, query: str, expected: list[str]) -> None:
    assert names(client_of(reader), query) == expected


@pytest.mark.usefixtures("several")
def test_links_keep_the_rest_of_the_address(reader: User, client_of: Browser) -> None:
    response = client_of(reader).get(f"{LIST}?q=a&sort=city&dir=desc&size=25&page=1")
    links = [unescape(link) for link in re.findall(r'href="(\?[^"]*)"', response.content.decode())]
    assert "?q=a&sort=city&size=25" in links, "the same column turns round, on the first page"
    assert "?q=a&sort=state&size=25" in links
    assert "?q=a&sort=city&dir=desc&size=25&status=inactive" in links
    counts = {status.value: count for status, count in response.context["listed"].counts.items()}
    assert counts == {"all": 3, "active": 2, "inactive": 1, "deleted": 1}


def test_pages(reader: User, client_of: Browser) -> None:
    Organization.objects.bulk_create(Organization(name=f"Company {number:03}") for number in range(60))
    client = client_of(reader)
    assert names(client, "?size=25&page=3") == [f"Company {number:03}" for number in range(50, 60)]
    assert "51 to 60 of 60" in client.get(f"{LIST}?size=25&page=3").content.decode()


def test_a_row_shows_its_mapping_but_not_a_removed_one(
    reader: User, mapped: OrganizationMapping, client_of: Browser
) -> None:
    client = client_of(reader)
    page = client.get(LIST).content.decode()
    assert "ACME DENTAL LLC" in page
    assert f"{mapped.instance.get_absolute_url()}?q=Acme%20Dental#mappings" in page
    OrganizationMapping.objects.update(removed_at=timezone.now())
    page = client.get(LIST).content.decode()
    assert "ACME DENTAL LLC" not in page
    assert "Not mapped" in page


def test_the_number_of_queries_does_not_follow_the_rows(
    reader: User, mapped: OrganizationMapping, client_of: Browser
) -> None:
    client = client_of(reader)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{LIST}?size=200")
        return len(captured)

    first = queries()
    Organization.objects.bulk_create(Organization(name=f"Company {number}") for number in range(150))
    assert queries() == first


def test_hostile_text_is_shown_as_text(reader: User, client_of: Browser) -> None:
    Organization.objects.create(name="<script>alert(1)</script>", domain='"><b>x')
    page = client_of(reader).get(f"{LIST}?q=%3Cscript%3E").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert '"><b>x' not in page


def test_an_empty_portal_says_what_to_do(member: User, reader: User, client_of: Browser) -> None:
    assert "Export the customer list" in client_of(member).get(LIST).content.decode()
    assert "Somebody with the role Member" in client_of(reader).get(LIST).content.decode()


# --- one organization -------------------------------------------------------------------------------------


def test_adding(member: User, client_of: Browser) -> None:
    response = client_of(member).post(
        reverse("integrations:organization_add"),
        {"name": " \u202eNew  Clinic ", "domain": "https://www.new.com/", "is_active": "on"},
    )
    assert response.status_code == 302
    organization = Organization.objects.get()
    assert (organization.name, organization.domain, organization.is_active) == ("New Clinic", "new.com", True)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.before) == ("organization added", member, None)
    assert event.after == organization.snapshot()


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"name": " \u200b "}, "name", "Enter the name."),
        ({"name": "x" * 201}, "name", "Name has 201 characters; 200 are allowed."),
        ({"name": "New", "domain": "nonsense"}, "domain", "Domain must look like example.com"),
        ({"name": "New", "phone": "none"}, "phone", "Phone must be a telephone number"),
        ({"name": "New", "external_id": "7"}, "external_id", "“Acme Dental” has this external id."),
    ],
)
@pytest.mark.usefixtures("acme")
def test_what_is_wrong_is_said_at_its_field(
    member: User, client_of: Browser, values: dict[str, str], field: str, words: str
) -> None:
    response = client_of(member).post(reverse("integrations:organization_add"), values)
    assert response.status_code == 422
    assert words in response.context["form"].errors[field][0]
    assert Organization.objects.count() == 1


def shown_values(client: Client, pk: int) -> dict[str, str]:
    """The values of the edit form as a browser would send them back."""
    form = client.get(reverse("integrations:organization_edit", args=[pk])).context["form"]
    values = {field.name: field.value() for field in form}
    return {name: value for name, value in values.items() if value not in (None, False)}


def test_changing_says_what_changed(member: User, acme: Organization, client_of: Browser) -> None:
    client = client_of(member)
    values = shown_values(client, acme.pk) | {"city": "Troy", "external_id": ""}
    values.pop("is_active")
    response = client.post(reverse("integrations:organization_edit", args=[acme.pk]), values, follow=True)
    assert "“Acme Dental” was saved." in response.content.decode()
    acme.refresh_from_db()
    assert (acme.city, acme.external_id, acme.is_active, acme.phone) == ("Troy", "", False, "614-555-0100")
    event = AuditEvent.objects.get()
    assert event.before is not None
    assert (event.before["city"], event.before["external_id"]) == ("Lima", "7")


def test_saving_without_a_change_writes_nothing(member: User, acme: Organization, client_of: Browser) -> None:
    client = client_of(member)
    address = reverse("integrations:organization_edit", args=[acme.pk])
    response = client.post(address, shown_values(client, acme.pk), follow=True)
    assert "Nothing was saved: nothing about “Acme Dental” differs." in response.content.decode()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("seen", [None, "", "nonsense"])
def test_a_change_that_somebody_else_overtook_is_refused(
    seen: str | None, owner: User, member: User, acme: Organization, client_of: Browser
) -> None:
    address = reverse("integrations:organization_edit", args=[acme.pk])
    slow, quick = client_of(owner), client_of(member)
    stale = shown_values(slow, acme.pk)
    assert quick.post(address, shown_values(quick, acme.pk) | {"city": "Troy"}).status_code == 302
    if seen is not None:
        stale["seen"] = seen
    response = slow.post(address, stale | {"city": "Erie"})
    assert response.status_code == 422
    assert "Open it again" in response.content.decode()
    acme.refresh_from_db()
    assert acme.city == "Troy"


def test_an_external_id_that_another_one_has_is_refused_on_change(
    member: User, acme: Organization, client_of: Browser
) -> None:
    other = Organization.objects.create(name="Other", external_id="8")
    client = client_of(member)
    values = shown_values(client, other.pk) | {"external_id": "7"}
    response = client.post(reverse("integrations:organization_edit", args=[other.pk]), values)
    assert response.context["form"].errors["external_id"] == ["“Acme Dental” has this external id."]


def test_deleting_asks_names_the_mapping_and_can_be_taken_back(
    member: User, mapped: OrganizationMapping, client_of: Browser
) -> None:
    client, acme = client_of(member), mapped.organization
    MappingProposal.objects.create(
        user=member, instance=mapped.instance, organization=acme, company=mapped.company, kind="chosen"
    )
    address = reverse("integrations:organization_delete", args=[acme.pk])
    page = client.get(address).content.decode()
    assert "ACME DENTAL LLC" in page
    assert Organization.objects.present().exists()

    assert client.post(address).status_code == 302
    assert names(client) == []
    assert not MappingProposal.objects.exists()
    assert names(client, "?status=deleted") == ["Acme Dental"]
    assert client.get(reverse("integrations:organization_edit", args=[acme.pk])).status_code == 404
    assert client.post(address).status_code == 404

    restore = reverse("integrations:organization_restore", args=[acme.pk])
    assert restore in client.get(f"{LIST}?status=deleted").content.decode()
    assert client.post(restore).status_code == 302
    assert names(client) == ["Acme Dental"]
    assert "ACME DENTAL LLC" in client.get(LIST).content.decode(), "with its mapping"
    assert client.post(restore).status_code == 404
    actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == [
        "mapping removed with its organization", "organization deleted",
        "mapping restored with its organization", "organization restored",
    ]  # fmt: skip


def test_a_deleted_one_stays_deleted_when_its_external_id_was_given_away(
    member: User, acme: Organization, client_of: Browser
) -> None:
    client = client_of(member)
    client.post(reverse("integrations:organization_delete", args=[acme.pk]))
    Organization.objects.create(name="Successor", external_id="7")
    response = client.post(reverse("integrations:organization_restore", args=[acme.pk]), follow=True)
    assert "was not restored: Successor has its external id now" in response.content.decode()
    assert names(client) == ["Successor"]


def test_readers_and_strangers_cannot_restore(
    reader: User, stranger: User, acme: Organization, client_of: Browser
) -> None:
    Organization.objects.update(deleted_at=timezone.now())
    for user in (reader, stranger):
        response = client_of(user).post(reverse("integrations:organization_restore", args=[acme.pk]))
        assert response.status_code == 404
    assert not Organization.objects.present().exists()


# --- upload -----------------------------------------------------------------------------------------------


def upload(client: Client, content: bytes, **values: str) -> tuple[int, str]:
    response = client.post(
        reverse("integrations:organizations_upload"),
        {"file": SimpleUploadedFile("list.csv", content), "rows": "all", **values},
        follow=True,
    )
    return response.status_code, unescape(response.content.decode())


def test_checking_first_then_importing(member: User, client_of: Browser) -> None:
    client = client_of(member)
    status, page = upload(client, b"name,known\nAcme,1\nBeta,2\n", check="1")
    assert status == 200
    assert "Checked only, nothing was written." in page
    assert "Columns not used" in page
    assert "Would be imported" in page
    assert not Organization.objects.exists()
    status, page = upload(client, b"name,known\nAcme,1\nBeta,2\n")
    assert (status, Organization.objects.count()) == (200, 2)
    assert "All rows were written." in page
    assert "Would be" not in page
    assert AuditEvent.objects.filter(actor=member, action="organization imported").count() == 2


def test_bad_rows_are_told_with_their_line(member: User, client_of: Browser) -> None:
    content = b"name\nGood\n=HYPERLINK(1)\nAlso good\n"
    client = client_of(member)
    _, page = upload(client, content)
    assert "Nothing was written, because 1 row failed." in page
    assert not Organization.objects.exists()
    assert '<td class="num" data-label="Line">3</td>' in page
    assert 'Name begins with "="' in page
    _, page = upload(client, content, rows="good")
    assert "The good rows were written; 1 row failed and changed nothing." in page
    assert Organization.objects.count() == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"city\nLima\n", 'The file has no column "name".'),
        (b"name\n\x81\x8d\n", "line 2 holds the byte 0x81"),
        (b"name\n<script>alert(1)</script>\n\0", "NUL bytes"),
        (b"name\nAcme\nBeta\n\0Gamma\n", "NUL bytes"),
    ],
)
def test_an_unreadable_file_is_refused_at_the_field(
    member: User, client_of: Browser, content: bytes, words: str
) -> None:
    status, page = upload(client_of(member), content)
    assert status == 422
    assert words in page
    assert not Organization.objects.exists()


def test_no_file_and_no_known_choice(member: User, client_of: Browser) -> None:
    response = client_of(member).post(reverse("integrations:organizations_upload"), {"rows": "some"})
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"file", "rows"}
    assert response.content.decode().count("Please correct what is marked") == 1


def test_the_template_can_be_imported(member: User, client_of: Browser) -> None:
    client = client_of(member)
    response = client.get(reverse("integrations:organizations_template"))
    assert response.headers["Content-Disposition"] == 'attachment; filename="organizations.csv"'
    status, page = upload(client, response.getvalue())
    assert status == 200
    assert "All rows were written." in page
    assert "Columns not used" not in page
    assert all(value not in ("", None) for value in Organization.objects.get().snapshot().values())
