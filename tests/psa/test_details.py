"""User-defined fields, labels of references; the tax id and one such field read with the companies."""

from __future__ import annotations

import pytest

from integrations.psa.base import (
    CompanyField,
    CredentialsRefused,
    FilterCondition,
    FilterGroup,
    InvalidRequest,
    PicklistOption,
    PSAError,
)
from integrations.simulators.autotask.references import ReferenceRows
from integrations.simulators.autotask.tenant import Tenant
from tests.psa.conftest import Connect, Serve, northwind, read_all

KEY = "Customer key"


def keyed(count: int = 12) -> Tenant:
    """A tenant whose companies carry a key of another tool and a tax id."""
    tenant = northwind(count, user_defined_fields=["Contract"])
    for number in list(tenant.companies.snapshot().ids)[1:]:
        fields = [{"name": KEY, "value": f"K-{number}"}, {"name": "Contract", "value": None}]
        tenant.companies.change(number, {"userDefinedFields": fields, "taxID": f"TAX {number}"})
    return tenant


def test_the_fields_that_the_tenant_added_and_the_names_of_what_is_referred_to(
    serve: Serve, connect: Connect
) -> None:
    client = connect(serve(keyed()))
    metadata, details = client.company_metadata(), client.field_details()
    assert details.oddities == ()
    assert [(field.name, field.label) for field in details.user_defined] == [
        ("udf:Contract", "Contract"),
        (f"udf:{KEY}", KEY),
    ]
    fields = {field.name: field for field in details.added_to(metadata.fields)}
    owners = {option.value: (option.label, option.is_active) for option in fields["ownerResourceID"].options}
    assert owners[29682901] == ("Dana Whitlock", True)
    assert owners[29682903] == ("Paula Quist", False)
    assert fields["createdByResourceID"].options == fields["ownerResourceID"].options
    assert PicklistOption(237, "United States") in fields["countryID"].options
    assert PicklistOption(2, "Managed") in fields["companyCategoryID"].options
    assert fields["companyType"].options  # a picklist keeps its own
    assert f"udf:{KEY}" in fields


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("userdefinedfields", "The user-defined fields could not be read."),
        ("resources", "The names of owners could not be read."),
        ("countries", "The names of countries could not be read."),
        ("companycategories", "The names of categories could not be read."),
    ],
)
@pytest.mark.parametrize("fault", ["html-page", "gateway-error", "server-error"])
def test_what_cannot_be_read_is_named_and_hides_nothing_else(
    serve: Serve, connect: Connect, path: str, said: str, fault: str
) -> None:
    simulator = serve(keyed())
    simulator.inject(fault, path=path)
    details = connect(simulator).field_details()
    (oddity,) = details.oddities
    assert oddity.startswith(said)
    assert len(details.labels) + bool(details.user_defined) == 3


def test_who_may_not_read_owners_is_told(serve: Serve, connect: Connect) -> None:
    simulator = serve(keyed())
    simulator.inject("no-company-permission", path="resources")
    details = connect(simulator).field_details()
    assert details.oddities[0].startswith("The names of owners could not be read.")
    assert set(details.labels) == {"country", "companycategory"}


def test_refused_credentials_are_sent_once(serve: Serve, connect: Connect) -> None:
    simulator = serve(keyed())
    simulator.inject("locked-user")
    with pytest.raises(CredentialsRefused):
        connect(simulator).field_details()
    assert sum(entry.status == 401 for entry in simulator.requests) == 1


def test_names_beyond_one_page_are_read_and_too_many_are_not_offered(serve: Serve, connect: Connect) -> None:
    tenant = northwind()

    def people(count: int) -> ReferenceRows:
        rows = ({"id": n, "firstName": "P", "lastName": str(n), "isActive": True} for n in range(count))
        return ReferenceRows("Resource", ("id", "firstName", "lastName", "isActive"), tuple(rows))

    tenant.references["resources"] = people(1200)
    client = connect(serve(tenant))
    assert len(client.field_details().labels["resource"]) == 1200
    tenant.references["resources"] = people(2600)
    details = client.field_details()
    assert "resource" not in details.labels
    assert details.oddities[0].startswith("The names of owners")


# --- read with the companies ----------------------------------------------------------------------


def test_the_tax_id_and_one_field_of_the_tenants_own_come_with_the_companies(
    serve: Serve, connect: Connect
) -> None:
    simulator = serve(keyed(230))
    client = connect(simulator, page_size=50)
    found = read_all(client.companies((), user_field=f"udf:{KEY}"))
    assert len(found) == 230
    for company in found:
        own = company.id == "0"
        assert company.user_value == ("" if own else f"K-{company.id}")
        assert company.tax_id == ("" if own else f"TAX {company.id}")
    by_id = client.companies_by_id([found[1].id], user_field=f"udf:{KEY}").companies
    assert by_id[found[1].id].user_value == f"K-{found[1].id}"
    assert {company.user_value for company in read_all(client.companies(()))} == {""}


def test_a_field_that_the_tenant_no_longer_has_is_named(serve: Serve, connect: Connect) -> None:
    with pytest.raises(InvalidRequest, match="Unable to find Gone field"):
        read_all(connect(serve(keyed())).companies((), user_field="udf:Gone field"))


# --- filters --------------------------------------------------------------------------------------


def test_a_filter_by_a_user_defined_field_and_by_either_of_two(serve: Serve, connect: Connect) -> None:
    tenant = keyed()
    client = connect(serve(tenant))
    ids = [str(number) for number in tenant.companies.snapshot().ids]
    by_key = FilterCondition(f"udf:{KEY}", "eq", f"K-{ids[3]}")
    assert [company.id for company in read_all(client.companies((by_key,)))] == [ids[3]]
    either = FilterGroup("or", (by_key, FilterCondition("id", "eq", int(ids[5]))))
    assert [company.id for company in read_all(client.companies((either,)))] == [ids[3], ids[5]]
    assert client.count_companies((either,)) == 2
    two = (by_key, FilterCondition("udf:Contract", "notExist"))
    with pytest.raises(InvalidRequest, match="user-defined field, of which Autotask takes one"):
        client.count_companies(two)


def test_which_of_some_companies_are_inside_a_filter(serve: Serve, connect: Connect) -> None:
    tenant = northwind(1300)
    simulator = serve(tenant)
    client = connect(simulator)
    rows = tenant.companies.snapshot().rows
    wanted = [str(row["id"]) for row in rows[:1100]]
    customers = (FilterCondition("companyType", "in", (1, 2)),)
    expected = {str(row["id"]) for row in rows[:1100] if row["companyType"] in {1, 2}}
    simulator.requests.clear()
    assert client.ids_in_filter(customers, [*wanted, "5", "x"]) == expected
    # 500 alternatives a query, two of which are the filter's own.
    assert len(simulator.requests) == 3
    assert client.ids_in_filter((), wanted[:3]) == set(wanted[:3])
    assert client.ids_in_filter(customers, []) == frozenset()


def test_a_field_keeps_its_own_options() -> None:
    field = CompanyField("countryID", "integer", is_reference=True, reference="Country")
    assert field.options == ()
    assert issubclass(InvalidRequest, PSAError)
