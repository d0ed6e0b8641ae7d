"""The one user-defined field that is read with the companies, from its choice to where it is shown."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import AuditEvent, IntegrationInstance, Job
from integrations.services.audit import Batch
from integrations.services.companies import set_user_field
from integrations.services.exports.configurations import export_configurations
from integrations.services.history import undo_batch
from integrations.services.imports.configurations import import_configurations
from integrations.services.mapping.review import evidence
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.companies.test_fields import KEY
from tests.companies.test_fields import tenant as tenant  # a fixture
from tests.support.simulated import actor_of, company_of, make_organization, map_to, refresh

ClientOf = Callable[[User], Client]


def save_address(instance: IntegrationInstance) -> str:
    return reverse("integrations:user_field_save", args=["autotask", instance.pk])


def values(instance: IntegrationInstance) -> list[str]:
    return [company_of(instance, number).user_value for number in (101, 102, 104)]


def choose(user: User, instance: IntegrationInstance, name: str) -> None:
    """Choose the field and read everything."""
    set_user_field(Batch(actor_of(user)), instance, name)
    assert refresh(instance).state == Job.State.DONE
    instance.refresh_from_db()


def test_an_owner_chooses_it_and_the_companies_are_read_anew(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    window = client_of(owner)
    response = window.post(save_address(refreshed), {"user_field": KEY}, follow=True)
    page = unescape(response.content.decode())
    assert "The user-defined field was saved." in page
    assert "Customer key is read with each company" in page
    job = Job.objects.open().get()
    assert job.options["full"] is True
    job.delete()
    refresh(refreshed)
    assert values(refreshed) == ["K-101", "K-102", ""]

    event = AuditEvent.objects.get(action="user-defined field changed")
    undo_batch(actor_of(owner), event.batch)
    refresh(refreshed)
    assert values(refreshed) == ["", "", ""]
    assert AuditEvent.objects.filter(action="user-defined field put back").exists()


def test_who_may_choose_it(
    refreshed: IntegrationInstance, member: User, reader: User, stranger: User, client_of: ClientOf
) -> None:
    for person in (member, reader, stranger):
        assert client_of(person).post(save_address(refreshed), {"user_field": KEY}).status_code == 404
    assert "Save field" not in client_of(member).get(refreshed.get_absolute_url()).content.decode()
    refreshed.refresh_from_db()
    assert refreshed.user_field == ""


def test_a_field_that_there_is_not_is_refused(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    page = client_of(owner).post(save_address(refreshed), {"user_field": "udf:Other"}).content.decode()
    assert "This Autotask has no such user-defined field." in page
    assert not AuditEvent.objects.filter(action="user-defined field changed").exists()


def test_values_are_never_shown_under_another_fields_name(
    simulator: Simulator, refreshed: IntegrationInstance, owner: User
) -> None:
    choose(owner, refreshed, KEY)
    set_user_field(Batch(actor_of(owner)), refreshed, "udf:Contract")
    refreshed.refresh_from_db()
    assert (refreshed.user_value_name, values(refreshed)[0]) == ("Customer key", "K-101")
    simulator.inject("server-error", path="companies/query", times=20)
    assert refresh(refreshed).state == Job.State.FAILED
    refreshed.refresh_from_db()
    assert (refreshed.user_value_name, values(refreshed)) == ("", ["", "", ""])
    simulator.clear()
    refresh(refreshed)
    refreshed.refresh_from_db()
    assert (refreshed.user_value_name, values(refreshed)[0]) == ("Contract", "C-101")


def test_a_field_that_is_gone_stops_no_read_and_keeps_its_values(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    choose(owner, refreshed, KEY)
    for number in tenant.companies.snapshot().ids:
        tenant.companies.change(number, {"userDefinedFields": [{"name": "Contract", "value": "C"}]})
    tenant.companies.change(104, {"city": "Akron Falls"})
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert company_of(refreshed, 104).city == "Akron Falls"
    assert values(refreshed) == ["K-101", "K-102", ""]
    page = unescape(client_of(owner).get(refreshed.get_absolute_url()).content.decode())
    assert "The user-defined field “Customer key” is not in Autotask PSA any more" in page
    assert "Customer key (no longer in this Autotask)" in page
    choose(owner, refreshed, "")
    page = unescape(client_of(owner).get(refreshed.get_absolute_url()).content.decode())
    assert "is not in Autotask PSA any more" not in page


def test_an_id_of_ours_that_it_holds_speaks_for_the_pair(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    choose(owner, refreshed, KEY)
    row = make_organization("Abbott", external_id="k-101")
    company = company_of(refreshed, 101)
    found = {line.label: (line.ours, line.theirs, line.verdict) for line in evidence(row, company)}
    assert found["Customer key"] == ("k-101", "K-101", "agree")
    assert found["Tax id"] == ("", "TAX 101", "")
    other = {line.label: line for line in evidence(make_organization("B", external_id="9"), company)}
    assert (other["Customer key"].ours, other["Customer key"].verdict) == ("", "")
    map_to(owner, refreshed, row, 101)
    review = reverse("integrations:review", args=["autotask", refreshed.pk])
    page = client_of(owner).get(f"{review}?organization={row.pk}").content.decode()
    assert "K-101" in page
    assert "TAX 101" in page


def test_it_goes_out_and_comes_in_again_with_the_configuration(
    refreshed: IntegrationInstance, owner: User
) -> None:
    choose(owner, refreshed, KEY)
    [row] = export_configurations([refreshed])
    assert row["user_field"] == KEY

    def bring(**changes: object) -> list[tuple[str, str]]:
        content = json.dumps([{**row, **changes}]).encode()
        report = import_configurations(Batch(actor_of(owner)), io.BytesIO(content), {})
        return [(each.outcome.value, each.message) for each in report.rows]

    assert bring()[0][0] == "skipped"
    assert bring(user_field="udf:Contract")[0][0] == "updated"
    refreshed.refresh_from_db()
    assert refreshed.user_field == "udf:Contract"
    assert "user field must be the name of one" in bring(user_field="Contract")[0][1]
    older = {name: value for name, value in row.items() if name != "user_field"}
    content = json.dumps([{**older, "description": "x"}]).encode()
    import_configurations(Batch(actor_of(owner)), io.BytesIO(content), {})
    refreshed.refresh_from_db()
    assert (refreshed.user_field, refreshed.description) == ("udf:Contract", "x")


@pytest.mark.django_db
def test_the_api_tells_it(refreshed: IntegrationInstance, owner: User) -> None:
    from integrations.api.rows import company_out, instance_out

    choose(owner, refreshed, KEY)
    told = company_out(company_of(refreshed, 101))
    assert (told.tax_id, told.user_value) == ("TAX 101", "K-101")
    assert instance_out(refreshed).user_field == "Customer key"
