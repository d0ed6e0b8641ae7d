"""What a token lets a program read, and what it does not."""

from __future__ import annotations

import json

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from integrations.models import AuditEvent, Company, Organization, RecordChange, RefreshSummary, Right
from integrations.models.drift import Changed
from integrations.services.audit import Batch
from integrations.services.instances.delete import delete_instance
from tests.read_api.conftest import OPERATOR, Programs, World, make_company, map_to, problem_of

LISTS = (
    "organizations", "instances", "companies", "mappings", "mappings/open", "mappings/changes", "refreshes",
    "history", "expectations",
)  # fmt: skip
RIGHT_OF = {
    "organizations": Right.ORGANIZATIONS,
    "companies": Right.COMPANIES,
    "mappings": Right.MAPPINGS,
    "mappings/open": Right.MAPPINGS,
    "mappings/changes": Right.MAPPINGS,
    "refreshes": Right.COMPANIES,
    "expectations": Right.MAPPINGS,
    "history": Right.HISTORY,
    "resolve?by=id&value=1": Right.RESOLVE,
}


def test_lists_tell_what_there_is(program: Programs, sample_rows: World) -> None:
    asks = program()
    assert [row["name"] for row in asks.read("organizations")["items"]] == [
        "Acme Dental", "Birch Legal", "Cedar Bakery",
    ]  # fmt: skip
    assert [row["name"] for row in asks.read("instances")["items"]] == ["Main", "Other"]
    assert [row["company_id"] for row in asks.read("companies")["items"]] == ["101", "7"]
    mapping = asks.read("mappings", instance=sample_rows.main.pk)["items"]
    assert [(row["organization"]["external_id"], row["company"]) for row in mapping] == [
        ("A-1", {"id": "101", "name": "ACME DENTAL LLC"})
    ]
    assert asks.read(f"mappings/{mapping[0]['id']}") == mapping[0]
    assert asks.read(f"organizations/{sample_rows.acme.pk}")["domain"] == "acme.example"
    assert asks.read(f"companies/{sample_rows.acme_company.pk}")["instance"]["name"] == "Main"
    newest = asks.read("history")["items"][0]
    assert (newest["action"], newest["target_name"]) == ("token created", "billing")


def test_the_inbox_and_what_refreshes_changed(program: Programs, sample_rows: World) -> None:
    company, asks = sample_rows.acme_company, program(instances=(sample_rows.main,))
    assert asks.read("mappings/open")["items"] == []
    with transaction.atomic():
        RecordChange.objects.record([Changed("retyped", company.pk, "1", "7")], timezone.now())
    (row,) = asks.read("mappings/open")["items"]
    assert row["mapping"]["organization"]["id"] == sample_rows.acme.pk
    assert row["mapping"]["needs_review"] == ["company_type_changed"]
    (finding,) = row["findings"]
    assert (finding["reason"], finding["before"], finding["after"]) == ("company_type_changed", "1", "7")
    assert finding["since"] is not None
    for instance in (sample_rows.main, sample_rows.other):
        RefreshSummary.objects.create(instance=instance, at=timezone.now(), offered=2, counts={"new": 2})
    (summary,) = asks.read("refreshes")["items"]
    assert (summary["instance"]["name"], summary["counts"], summary["offered"]) == ("Main", {"new": 2}, 2)


@pytest.mark.parametrize("path", [*LISTS, "openapi.json", "resolve?by=id&value=1"])
def test_without_a_token_nothing_is_told(path: str, sample_rows: World) -> None:
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer aip_nothing_x"}):
        response = Client().get(f"/api/v1/{path}", headers=headers)
        problem_of(response, 401)
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("path", "right"), RIGHT_OF.items())
def test_each_right_opens_its_own_operations_only(path: str, right: Right, program: Programs) -> None:
    Organization.objects.create(name="Acme")
    others = [each for each in Right if each is not right]
    assert program(*others).refused(path, 403)["code"] == "right_missing"
    assert program(right).get(path).status_code in {200, 404}
    assert program(*others).get("instances").status_code == 200


def test_a_limited_token_sees_its_instances_only(program: Programs, sample_rows: World) -> None:
    asks = program(instances=(sample_rows.main,))
    assert [row["id"] for row in asks.read("instances")["items"]] == [sample_rows.main.pk]
    assert [row["id"] for row in asks.read("organizations")["items"]] == [sample_rows.acme.pk]
    assert [row["id"] for row in asks.read("companies")["items"]] == [sample_rows.acme_company.pk]
    assert [row["organization"]["id"] for row in asks.read("mappings")["items"]] == [sample_rows.acme.pk]
    changes = asks.read("mappings/changes")["items"]
    assert [row["organization"]["id"] for row in changes] == [sample_rows.acme.pk]
    assert {row["instance"]["id"] for row in asks.read("history")["items"]} == {sample_rows.main.pk}
    foreign = sample_rows.birch.mappings.get()
    for path in (
        f"organizations/{sample_rows.birch.pk}",
        f"organizations/{sample_rows.cedar.pk}",
        f"instances/{sample_rows.other.pk}",
        f"companies/{sample_rows.birch_company.pk}",
        f"mappings/{foreign.pk}",
    ):
        assert "Birch" not in json.dumps(asks.refused(path, 404))
    for path in ("companies", "mappings", "history"):
        asks.refused(path, 404, instance=sample_rows.other.pk)


def test_a_limited_token_learns_that_its_organization_left_but_not_where_to(
    program: Programs, sample_rows: World
) -> None:
    here, there = program(instances=(sample_rows.main,)), program(instances=(sample_rows.other,))
    since = here.read("mappings")["position"]
    map_to(sample_rows.acme, make_company(sample_rows.other, "8", "Acme elsewhere"))
    (change,) = here.read("mappings/changes", since=since)["items"]
    assert (change["before"]["company"]["id"], change["after"]) == ("101", None)
    assert "elsewhere" not in json.dumps(change)
    (change,) = there.read("mappings/changes", since=since)["items"]
    assert (change["before"], change["after"]["company"]["id"]) == (None, "8")
    moved = there.read("history")["items"][0]
    assert moved["before"] is None
    assert moved["after"]["company_name"] == "Acme elsewhere"


def test_a_limited_token_stays_limited_when_its_instance_goes_for_good(
    program: Programs, sample_rows: World
) -> None:
    asks = program(instances=(sample_rows.main,))
    asks.token.instances.clear()
    assert asks.read("instances")["items"] == []
    assert asks.read("organizations")["items"] == []


def test_what_was_deleted_is_gone(program: Programs, sample_rows: World) -> None:
    asks = program()
    sample_rows.cedar.deleted_at = timezone.now()
    sample_rows.cedar.save()
    delete_instance(Batch(OPERATOR), sample_rows.other)
    asks.refused(f"organizations/{sample_rows.cedar.pk}", 404)
    assert [row["id"] for row in asks.read("instances")["items"]] == [sample_rows.main.pk]
    assert [row["instance"]["id"] for row in asks.read("companies")["items"]] == [sample_rows.main.pk]
    assert [row["instance"]["id"] for row in asks.read("mappings")["items"]] == [sample_rows.main.pk]


def test_no_answer_holds_a_credential(program: Programs, sample_rows: World) -> None:
    asks = program()
    delete_instance(Batch(OPERATOR), sample_rows.other)  # its snapshot goes to the history
    everything = "".join(asks.get(path).content.decode() for path in LISTS)
    assert "instance deleted" in everything
    for secret in ("very-secret", "TRACKING", "api@main.example", "api@other.example", asks.plain):
        assert secret not in everything
    assert asks.token.digest not in everything
    assert AuditEvent.objects.filter(action="token created").exists()


# --- pages ----------------------------------------------------------------------------------------------


def test_pages_are_complete_while_rows_are_added(program: Programs) -> None:
    asks, wanted = program(), set()
    for number in range(25):
        wanted.add(Organization.objects.create(name=f"Organization {number}").pk)
    seen: list[int] = []
    cursor: int | None = 0
    while cursor is not None:
        page = asks.read("organizations", cursor=cursor, limit=7)
        assert len(page["items"]) <= 7
        seen += [row["id"] for row in page["items"]]
        cursor = page["next"]
        if len(seen) < 25:
            wanted.add(Organization.objects.create(name=f"Aardvark {len(seen)}").pk)
    assert len(seen) == len(set(seen))
    assert set(seen) == wanted


def test_the_history_goes_back_page_by_page(program: Programs, sample_rows: World) -> None:
    asks = program()
    ids, cursor = [], 0
    while cursor is not None:
        page = asks.read("history", cursor=cursor, limit=1)
        ids += [row["id"] for row in page["items"]]
        cursor = page["next"]
    assert ids == list(AuditEvent.objects.order_by("-pk").values_list("pk", flat=True))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 501}, {"limit": "many"}, {"limit": 10**30}])
def test_a_page_has_its_bounds(path: str, query: dict[str, object], program: Programs) -> None:
    assert program().refused(path, 422, **query)["errors"][0]["parameter"] == "limit"


def test_a_list_costs_the_same_for_every_row(
    program: Programs, sample_rows: World, django_assert_max_num_queries: object
) -> None:
    asks = program()
    for number in range(60):
        organization = Organization.objects.create(name=f"Organization {number}")
        map_to(organization, make_company(sample_rows.main, str(1000 + number), f"Company {number}"))
    Company.objects.update(is_active=False)
    summary = {"instance": sample_rows.main, "at": timezone.now()}
    RefreshSummary.objects.bulk_create([RefreshSummary(**summary) for _ in range(60)])
    for path in LISTS:
        with django_assert_max_num_queries(18):  # type: ignore[operator]
            assert asks.read(path, limit=60)["items"]


# --- asking again -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["organizations", "mappings", "resolve?by=id&value=1", "instances"])
def test_what_has_not_changed_is_not_sent_again(path: str, program: Programs, sample_rows: World) -> None:
    path = path.replace("value=1", f"value={sample_rows.acme.pk}")
    asks = program()
    first = asks.get(path)
    etag = first.headers["ETag"]
    again = asks.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert asks.get(path, headers={"If-None-Match": '"something else"'}).status_code == 200
    assert "Authorization" in first.headers["Vary"]
    assert first.headers["Cache-Control"] == "private, no-cache"


def test_what_has_changed_is_sent(program: Programs, sample_rows: World) -> None:
    asks = program()
    etag = asks.get("organizations").headers["ETag"]
    Organization.objects.filter(pk=sample_rows.acme.pk).update(city="Lima")
    assert asks.get("organizations", headers={"If-None-Match": etag}).status_code == 200


def test_an_etag_does_not_spare_the_token(program: Programs, sample_rows: World) -> None:
    etag = program().get("organizations").headers["ETag"]
    problem_of(Client().get("/api/v1/organizations", headers={"If-None-Match": etag}), 401)


# --- everything else ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(method: str, program: Programs) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {program().plain}"})
    response = getattr(client, method)("/api/v1/organizations")
    assert problem_of(response, 405)["code"] == "method_not_allowed"
    assert response.headers["Allow"] == "GET"


def test_an_unknown_address_is_a_problem_too(program: Programs) -> None:
    for path in ("", "nothing", "organizations/", "organizations/1/2"):
        program().refused(path, 404)
    program().refused("organizations/abc", 422)


def test_a_mistake_of_the_portal_tells_nothing(
    program: Programs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the inner workings")

    asks = program()
    monkeypatch.setattr("integrations.api.endpoints.page_after", fail)
    assert "inner workings" not in json.dumps(asks.refused("organizations", 500))
    assert "inner workings" in caplog.text
    assert asks.plain not in caplog.text
