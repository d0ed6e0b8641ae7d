"""What companies are made of, as the API describes it: rights, fields, user-defined fields."""

from __future__ import annotations

from integrations.simulators.autotask.calls import Call
from integrations.simulators.autotask.company_fields import COMPANY_FIELDS, CompanyField
from integrations.simulators.autotask.fault_kinds import FaultName
from integrations.simulators.autotask.tenant import Tenant
from integrations.simulators.autotask.wire import Answer

ACCESS_LEVELS = ("None", "All", "Restricted")
"""What a user may do with an entity; the help page numbers them from 0."""


def answer_entity_information(call: Call) -> Answer:
    access = "All"
    if call.faults.take(FaultName.RESTRICTED_ROWS, call.request) is not None:
        access = "Restricted"
    if call.faults.take(FaultName.NO_COMPANY_PERMISSION, call.request) is not None:
        access = "None"
    as_numbers = call.faults.take(FaultName.ACCESS_AS_NUMBERS, call.request) is not None

    def said(level: str) -> str | int:
        return ACCESS_LEVELS.index(level) if as_numbers else level

    return Answer(
        payload={
            "info": {
                "name": "Companies",
                "canCreate": True,
                "canDelete": False,
                "canQuery": True,
                "canUpdate": True,
                "userAccessForCreate": said("None"),
                "userAccessForDelete": said("None"),
                "userAccessForQuery": said(access),
                "userAccessForUpdate": said("None"),
                "hasUserDefinedFields": True,
                "supportsWebhookCallouts": True,
            }
        }
    )


def answer_fields(call: Call) -> Answer:
    fields = [_field_information(call.tenant, field) for field in COMPANY_FIELDS]
    if call.faults.take(FaultName.FIELD_NAMES_IN_OTHER_CASE, call.request) is not None:
        for field in fields:
            name = str(field["name"])
            field["name"] = name[:1].upper() + name[1:]
    return Answer(payload={"fields": fields})


def _field_information(tenant: Tenant, field: CompanyField) -> dict[str, object]:
    values = None
    if field.is_picklist:
        values = [value.as_metadata() for value in tenant.picklists.get(field.name, ())]
    return {
        "name": field.name,
        "dataType": field.data_type,
        "length": field.length,
        "isRequired": field.is_required,
        "isReadOnly": field.is_read_only,
        "isQueryable": field.is_queryable,
        "isReference": bool(field.reference),
        "referenceEntityType": field.reference,
        "isPickList": field.is_picklist,
        "picklistValues": values,
        "picklistParentValueField": "",
        "isSupportedWebhookField": field.is_webhook_field,
    }


def answer_user_defined_fields(call: Call) -> Answer:
    fields = [
        {
            "name": name,
            "label": name,
            "type": "string",
            "length": 8000,
            "description": "",
            "isRequired": False,
            "isReadOnly": False,
            "isQueryable": True,
            "isReference": False,
            "referenceEntityType": "",
            "isPickList": False,
            "picklistValues": None,
            "picklistParentValueField": "",
            "defaultValue": None,
            "isSupportedWebhookField": False,
        }
        for name in call.tenant.user_defined_fields
    ]
    return Answer(payload={"fields": fields})
