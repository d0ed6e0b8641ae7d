"""Tools whose files we know: by which columns they are known, and what those mean.

Names of columns are compared as everywhere (files/column_words.py). A profile is found by any of its
``marks``, a set of columns that no other tool has together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from integrations.files.column_words import header_key


@dataclass(frozen=True)
class Profile:
    """A tool's files. ``id_kind`` is what its own id of an organization is, where other tools know it too.

    ``proposes`` names the column that is proposed where several fit a field and the person is asked.
    """

    label: str
    marks: tuple[tuple[str, ...], ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    proposes: tuple[str, ...] = ()
    id_kind: str = "source_id"

    def field_of(self, name: str) -> str:
        """The field that its column of this name is."""
        key = header_key(name)
        return next((held for known, held in self.columns.items() if header_key(known) == key), "")

    def knows(self, keys: set[str]) -> int:
        """How many columns of its widest mark that is there, 0 for none."""
        return max(
            (len(mark) for mark in self.marks if all(header_key(name) in keys for name in mark)), default=0
        )


PROFILES: dict[str, Profile] = {
    "partner_center": Profile(
        "Microsoft Partner Center",
        (
            ("Microsoft ID", "Primary domain name"),
            ("Microsoft ID", "Company name"),
            ("companyProfile.tenantId",),
            ("tenantId", "companyName", "domain", "relationshipToPartner"),
        ),
        {
            "Microsoft ID": "external_id",
            "Company name": "name",
            "Primary domain name": "domain",
            "companyProfile.tenantId": "external_id",
            "tenantId": "external_id",
            "companyProfile.domain": "domain",
            "companyProfile.companyName": "name",
            "id": "",
        },
        id_kind="tenant_id",
    ),
    "cipp": Profile(
        "CIPP",
        (("displayName", "defaultDomainName", "customerId"), ("displayName", "initialDomainName")),
        {
            "displayName": "name",
            "defaultDomainName": "domain",
            "customerId": "external_id",
            "initialDomainName": "tenant_domain",
            "Excluded": "is_inactive",
            "delegatedPrivilegeStatus": "",
        },
        id_kind="tenant_id",
    ),
    "datto_rmm": Profile(
        "Datto RMM",
        (("uid", "autotaskCompanyId"), ("uid", "accountUid"), ("splashtopAutoInstall", "onDemand")),
        {
            "name": "name",
            "autotaskCompanyId": "autotask_company_id",
            "autotaskCompanyName": "company_name",
            "devicesStatus": "",
            "portalUrl": "",
            "accountUid": "",
        },
        proposes=("uid",),
    ),
    "it_glue": Profile(
        "IT Glue",
        (
            ("organization_type", "organization_status"),
            ("organization-status-name", "organization-type-name"),
            ("attributes.organization-status-name",),
            ("organization_status", "quick_notes"),
        ),
        {
            "id": "external_id",
            "name": "name",
            "organization_status": "is_active",
            "organization-status-name": "is_active",
            "attributes.organization-status-name": "is_active",
            "attributes.name": "name",
            "primary_domain": "domain",
            "organization_type": "organization_type",
            "organization-type-name": "organization_type",
            "attributes.organization-type-name": "organization_type",
            "attributes.organization-status-id": "",
            "attributes.organization-type-id": "",
            "short_name": "",
            "alert": "",
            "quick_notes": "",
        },
    ),
    "hudu": Profile(
        "Hudu",
        (
            ("slug", "company_type", "id_number"),
            ("id_in_integration", "nickname"),
            ("slug", "id_in_integration"),
            ("slug", "archived", "nickname"),
            ("parent_company_id", "id_number", "nickname"),
        ),
        {
            "id": "external_id",
            "name": "name",
            "website": "domain",
            "phone_number": "phone",
            "city": "city",
            "state": "state",
            "zip": "postal_code",
            "archived": "is_inactive",
            "id_in_integration": "autotask_company_id",
            "company_type": "organization_type",
            "id_number": "",
        },
    ),
    "halopsa": Profile(
        "HaloPSA",
        (
            ("Client Name", "Toplevel"),
            ("Client Name", "Main Site Phone Number"),
            ("toplevel_name", "inactive"),
            ("toplevel_id", "toplevel_name"),
        ),
        {
            "ID": "external_id",
            "Client Name": "name",
            "name": "name",
            "Website": "domain",
            "inactive": "is_inactive",
            "Main Site Phone Number": "phone",
            "phonenumber": "phone",
            "main_phonenumber": "phone",
            "azure_tenant_id": "tenant_id",
            "azuretenantid": "tenant_id",
            "toplevel_name": "",
            "toplevel_id": "",
            "client_to_invoice": "",
        },
    ),
    "ninjaone": Profile(
        "NinjaOne",
        (("name", "nodeApprovalMode"),),
        {"id": "external_id", "name": "name", "nodeApprovalMode": ""},
    ),
    "n_able": Profile(
        "N-able",
        (
            ("customerId", "customerName", "parentId"),
            ("customerId", "customerName", "externalId2"),
            ("customerId", "externalId", "externalId2"),
            ("Customer ID", "Customer Name", "Service Organization"),
        ),
        {
            "customerId": "external_id",
            "customerName": "name",
            "externalId": "",
            "externalId2": "",
            "parentId": "",
            "phone": "phone",
            "city": "city",
            "stateProv": "state",
            "postalCode": "postal_code",
            "county": "",
        },
    ),
    "connectwise": Profile(
        "ConnectWise",
        (
            ("identifier", "deletedFlag"),
            ("identifier", "status.name"),
            ("Company RecID", "Company Name"),
            ("Company_RecID", "Company_Name"),
            ("Company ID", "Company Name", "Company Status", "Company Type"),
        ),
        {
            "id": "external_id",
            "identifier": "",
            "name": "name",
            "status.name": "is_active",
            "status.id": "",
            "deletedFlag": "is_inactive",
            "Company RecID": "external_id",
            "Company Name": "name",
            "Company Status": "is_active",
            "Company Type": "organization_type",
            "phoneNumber": "phone",
            "website": "domain",
            "zip": "postal_code",
        },
    ),
    "syncro": Profile(
        "Syncro",
        (
            ("business_name", "get_sms"),
            ("business_name", "firstname", "lastname"),
            ("business_name", "business_and_full_name"),
            ("business_name", "online_profile_url"),
        ),
        {
            "id": "external_id",
            "business_name": "name",
            "fullname": "",
            "firstname": "",
            "lastname": "",
            "business_then_name": "",
            "business_and_full_name": "",
            "phone": "phone",
            "disabled": "is_inactive",
            "zip": "postal_code",
            "email": "",
            "mobile": "",
            "online_profile_url": "",
        },
    ),
    "autotask": Profile(
        "Autotask",
        (
            ("Organization ID", "Organization Type", "Name"),
            ("Company ID", "Company Type", "Name"),
            ("Company ID", "Company Type", "Company Name", "Company Number"),
            ("Organization Name", "Organization Type", "Organization Number"),
            ("companyName", "companyType", "id"),
            ("Account ID", "Account Type", "Account Name"),
        ),
        {
            "Organization ID": "external_id",
            "Company ID": "external_id",
            "Account ID": "external_id",
            "id": "external_id",
            "Name": "name",
            "companyName": "name",
            "Organization Name": "name",
            "Company Name": "name",
            "Account Name": "name",
            "Number": "",
            "companyNumber": "",
            "Web Site": "domain",
            "webAddress": "domain",
            "Phone": "phone",
            "City": "city",
            "State": "state",
            "Zip Code": "postal_code",
            "Organization Type": "organization_type",
            "Company Type": "organization_type",
            "companyType": "",
            "Status": "is_active",
            "isActive": "is_active",
        },
        id_kind="autotask_company_id",
    ),
}
PROFILE_LABELS = {key: profile.label for key, profile in PROFILES.items()}


def find_profile(names: Iterable[str]) -> str:
    """The tool that has these columns, by the widest mark; "" for none that is known."""
    keys = {header_key(name) for name in names}
    keys |= {key.removeprefix("attributes") for key in keys}
    found = {known: profile.knows(keys) for known, profile in PROFILES.items()}
    best = max(found, key=lambda known: found[known])
    return best if found[best] else ""
