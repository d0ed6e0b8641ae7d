"""Every page: who may see it, that reading never writes, and that writing needs the page's own form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from integrations.models import AuditEvent, IntegrationInstance, Job
from integrations.services.audit import Batch
from integrations.services.instances.delete import delete_instance
from integrations.services.mapping.proposals import choose_company
from integrations.services.suggestions.suggest import propose_mappings
from tests.support.addresses import NOTHING, Page, pages
from tests.support.rows import choose, make_company, make_instance, make_mapping, save
from tests.support.simulated import actor_of, everything_stored, make_organization

PAGES = {page.name: page for page in pages()}
HTMX = {"HX-Request": "true"}
Signed = Callable[[User], Client]


@pytest.fixture
def values(owner: User, member: User) -> dict[str, object]:
    """What the parameters of an address may be: a configuration in use, with everything a page can show."""
    instance = make_instance("Larkspur", is_default=True)
    companies = [
        make_company(instance, 101, "Abbott Dental Care, LLC"),
        make_company(instance, 102, "Birchwood Veterinary Clinic", is_active=False),
    ]
    other = make_company(make_instance("Other"), 301, "Abbott Dental")
    rows = [
        make_organization(name) for name in ("Abbott Dental Care", "Birchwood Clinic", "Calloway", "Dunmore")
    ]
    choose(owner, rows[0], companies[0])
    batch = save(owner, instance).batch
    make_mapping(rows[1], companies[1])
    make_mapping(rows[2], other)
    for user in (owner, member):
        propose_mappings(user, instance)
        choose_company(user, instance, rows[0], None)
    return {
        "psa": "autotask",
        "instance": instance.pk,
        "organizations": rows[0].pk,
        "jobs": Job.objects.create(instance=instance, kind=Job.Kind.REFRESH_OPTIONS, state=Job.State.DONE).pk,
        "organization_id": rows[0].pk,
        "company_id": companies[0].pk,
        "batch": batch,
        "key": batch,
        "event_id": AuditEvent.objects.order_by("pk")[0].pk,
    }


def address_of(page: Page, values: dict[str, Any], **others: object) -> str:
    """The address of a page that shows something, where we made something to show."""
    kind = "instance" if page.is_of_an_instance else page.route.split("/")[0]
    pk = {"pk": values[kind]} if kind in values else {}
    return page.address({**values, **pk, **others})


def status_of(response: Any) -> int:
    """Its status; being asked for the password once more, before anything is looked up, counts as 404."""
    if response.status_code == 302 and response["Location"].startswith(reverse("account_reauthenticate")):
        return 404
    return int(response.status_code)


def may(user: User, page: Page) -> bool:
    return all(user.has_perm(f"integrations.{right}") for right in page.rights)


# --- who may ------------------------------------------------------------------------------------------


def test_every_page_demands_a_right_of_the_app(db: None) -> None:
    known = set(
        Permission.objects.filter(content_type__app_label="integrations").values_list("codename", flat=True)
    )
    for page in PAGES.values():
        assert page.rights, f"{page.name} ({page.route}) is not behind @needs"
        assert page.rights <= known, page.name


def test_readers_look_members_map_and_owners_connect(owner: User, member: User, reader: User) -> None:
    """The roles as they are meant, for the pages that matter most."""
    allowed = {
        name: [user.username for user in (owner, member, reader) if may(user, page)]
        for name, page in PAGES.items()
    }
    everybody, mappers, owners = ["olivia", "marcus", "rita"], ["olivia", "marcus"], ["olivia"]
    expected = {
        "home": everybody, "setup": everybody, "mappings": everybody, "job": everybody,
        "organizations": everybody,
        "filters_save": mappers, "filters_preview": mappers, "refresh": mappers, "suggest": mappers,
        "choose": mappers, "mappings_save": mappers, "connection_test": mappers,
        "organization_add": mappers, "organization_merge": mappers, "organizations_upload": mappers,
        "instance_add": owners, "connection_save": owners, "instance_delete": owners,
        "instance_restore": owners,
    }  # fmt: skip
    assert {name: allowed[name] for name in expected} == expected


def test_a_visitor_is_sent_to_the_sign_in(values: dict[str, Any], subtests: pytest.Subtests) -> None:
    client = Client()
    before = everything_stored()
    for page in PAGES.values():
        address = address_of(page, values)
        with subtests.test(page.name):
            for response in (client.get(address), client.post(address)):
                assert response.status_code == 302
                assert response["Location"].startswith(reverse("account_login"))
            for response in (client.get(address, headers=HTMX), client.post(address, headers=HTMX)):
                assert (response.status_code, response.content) == (
                    204,
                    b"",
                )  # no sign-in in a part of a page
                assert response["HX-Redirect"].startswith(reverse("account_login"))
    assert everything_stored() == before


@pytest.mark.exhaustive
def test_whoever_lacks_the_right_gets_404_without_a_name(
    values: dict[str, Any],
    stranger: User,
    reader: User,
    member: User,
    client_of: Signed,
    subtests: pytest.Subtests,
) -> None:
    for user in (stranger, reader, member):
        client = client_of(user)
        nowhere = client.get("/no/such/page/").content.count(b"<")
        before = everything_stored()
        for page in PAGES.values():
            if may(user, page):
                continue
            address = address_of(page, values)
            with subtests.test(page.name, user=user.username):
                for response in (client.get(address), client.post(address, headers=HTMX)):
                    assert response.status_code == 404
                    text = response.content.decode()
                    assert "Abbott" not in text
                    assert "Larkspur" not in text
                    assert text.count("<") == nowhere
        assert everything_stored() == before
    assert not any(may(stranger, page) for page in PAGES.values())


# --- reading ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_reading_never_writes(
    values: dict[str, Any], owner: User, reader: User, client_of: Signed, subtests: pytest.Subtests
) -> None:
    shown = 0
    for user, ways in (
        (owner, ("", "?q=abbott&state=mapped&sort=updated&dir=desc&page=2", HTMX)),
        (reader, ("",)),
    ):
        client = client_of(user)
        before = everything_stored()
        for page in PAGES.values():
            address = address_of(page, values)
            with subtests.test(page.name, user=user.username):
                for way in ways:
                    response = (
                        client.get(address + way)
                        if isinstance(way, str)
                        else client.get(address, headers=way)
                    )
                    assert status_of(response) in {200, 404, 405}
                    shown += response.status_code == 200
        after = everything_stored()
        assert {name: rows for name, rows in after.items() if rows != before[name]} == {}
    assert shown > len(PAGES)


@pytest.mark.exhaustive
def test_pages_are_not_stored_by_the_browser_and_run_no_foreign_code(
    values: dict[str, Any], owner: User, client_of: Signed, subtests: pytest.Subtests
) -> None:
    client = client_of(owner)
    for page in PAGES.values():
        response = client.get(address_of(page, values))
        with subtests.test(page.name):
            assert response["Cache-Control"] == "no-store"
            policy = response["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert response["X-Frame-Options"] == "DENY"
            assert response["X-Content-Type-Options"] == "nosniff"
            assert response["Referrer-Policy"] == "same-origin"
            assert response["Cross-Origin-Opener-Policy"] == "same-origin"


# --- writing ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_writing_needs_the_token_of_a_page(
    values: dict[str, Any], owner: User, subtests: pytest.Subtests
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    before = everything_stored()
    for page in PAGES.values():
        with subtests.test(page.name):
            response = client.post(address_of(page, values), {"name": "Larkspur"}, headers=HTMX)
            may = owner.has_perms([f"integrations.{right}" for right in page.rights])
            assert response.status_code == (403 if may else 404)  # what is not theirs is not even read
    assert everything_stored() == before


@pytest.mark.exhaustive
def test_an_address_of_nothing_is_404(
    values: dict[str, Any], owner: User, client_of: Signed, subtests: pytest.Subtests
) -> None:
    client = client_of(owner)
    before = everything_stored()
    for page in PAGES.values():
        for name, kind in page.parameters.items():
            for bad in NOTHING[kind]:
                address = address_of(page, values, **{name: bad})
                with subtests.test(page.name, **{name: bad}):
                    assert status_of(client.get(address)) in {404, 405}
                    assert status_of(client.post(address, headers=HTMX)) in {404, 405}
    assert everything_stored() == before


@pytest.mark.exhaustive
def test_a_deleted_configuration_has_no_pages(
    values: dict[str, Any], owner: User, client_of: Signed, subtests: pytest.Subtests
) -> None:
    delete_instance(Batch(actor_of(owner)), IntegrationInstance.objects.get(pk=values["instance"]))
    client = client_of(owner)
    before = everything_stored()
    for page in PAGES.values():
        if not page.is_of_an_instance or "pk" not in page.parameters or page.name == "instance_restore":
            continue
        address = address_of(page, values)
        with subtests.test(page.name):
            assert client.get(address).status_code in {404, 405}
            assert client.post(address).status_code in {404, 405}
    assert everything_stored() == before


HUGE = "9" * 5000


NONSENSE: list[tuple[str, dict[str, Any]]] = [
    ("mappings_select_row", {"shown": [HUGE, "1e9", "-1", "٣"], "ticked": ["x", HUGE, "10" * 20]}),
    ("mappings_save", {"shown": [HUGE, "10" * 20], "ticked": [HUGE, "10" * 20]}),
    ("choose", {"company": HUGE}),
    ("choose", {"company": "10" * 20}),
    ("choose", {"company": "\x00"}),
    ("filters_edit", {"remove": HUGE, "filters-TOTAL_FORMS": "x"}),
    ("filters_save", {"filters-TOTAL_FORMS": HUGE, "filters-INITIAL_FORMS": "-1"}),
    ("filters_preview", {}),
    ("review_decide", {"decision": "accept", "company": HUGE}),
    ("review_decide", {"decision": "nonsense"}),
    ("instance_delete", {"name": "\x00"}),
]
ODD_QUERIES = [
    "q=%00", "q=" + "word+" * 400, "page=0", f"page={HUGE}", "size=7", "state=x", "sort=x", "tier=%00",
    "dir=sideways", f"organization={HUGE}", f"company={HUGE}",
]  # fmt: skip


def test_nonsense_from_a_browser_is_no_server_error(
    values: dict[str, Any], owner: User, client_of: Signed, subtests: pytest.Subtests
) -> None:
    client = client_of(owner)
    for name, data in NONSENSE:
        for headers in (None, HTMX):
            with subtests.test(name):
                response = client.post(address_of(PAGES[name], values), data, headers=headers)
                assert response.status_code < 500


@pytest.mark.exhaustive
def test_nonsense_in_an_address_counts_as_not_given(
    values: dict[str, Any], owner: User, client_of: Signed, subtests: pytest.Subtests
) -> None:
    client = client_of(owner)
    for name in ("setup", "choose", "review", "organizations"):
        for query in ODD_QUERIES:
            with subtests.test(name, query=query[:20]):
                response = client.get(f"{address_of(PAGES[name], values)}?{query}")
                assert response.status_code == 200


def test_an_inactive_organization_has_no_row_to_choose_for(
    values: dict[str, Any], owner: User, client_of: Signed
) -> None:
    row = make_organization("Sleepy", is_active=False)
    client = client_of(owner)
    data = {"company": values["company_id"], "decision": "accept"}
    for name in ("choose", "discard", "review_decide"):
        address = address_of(PAGES[name], {**values, "organization_id": row.pk})
        assert client.get(address).status_code in {404, 405}
        assert client.post(address, data).status_code == 404
        assert client.post(address, data, headers=HTMX).status_code == 404
    assert not row.proposals.exists()
