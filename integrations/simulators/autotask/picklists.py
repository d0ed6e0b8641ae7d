"""The picklists of a tenant: what a new tenant has unless it is given its own.

Company type values are those of live tenants, where 5 is not used. The other lists belong to each tenant;
the ones here are those of an invented service provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from integrations.simulators.autotask.company_fields import COMPANY_FIELDS, find_field


@dataclass(frozen=True, slots=True)
class PicklistValue:
    """One choice. Rows carry ``value`` as an integer, metadata as a string."""

    value: int
    label: str
    is_active: bool = True
    is_system: bool = False
    is_default: bool = False
    sort_order: int = 0
    parent: str = ""

    def as_metadata(self) -> dict[str, object]:
        """The value as the field information answers it."""
        return {
            "value": str(self.value),
            "label": self.label,
            "isDefaultValue": self.is_default,
            "sortOrder": self.sort_order,
            "parentValue": self.parent,
            "isActive": self.is_active,
            "isSystem": self.is_system,
        }


PicklistChoices = Mapping[int, str] | Sequence[PicklistValue]


def _labels(*pairs: tuple[int, str], system: bool = False) -> tuple[PicklistValue, ...]:
    return tuple(
        PicklistValue(value, label, is_system=system, sort_order=order)
        for order, (value, label) in enumerate(pairs, start=1)
    )


DEFAULT_PICKLISTS: Mapping[str, tuple[PicklistValue, ...]] = MappingProxyType(
    {
        "apiVendorID": _labels((1, "Backup vendor"), (2, "Monitoring vendor")),
        "billToAddressToUse": _labels(
            (1, "Company address"), (2, "Parent company address"), (3, "Other"), system=True
        ),
        "classification": (
            PicklistValue(14, "Managed, gold", sort_order=1),
            PicklistValue(15, "Managed, silver", sort_order=2),
            PicklistValue(16, "Break and fix", sort_order=3),
            PicklistValue(17, "Time and materials", sort_order=4, is_active=False),
        ),
        "companyType": _labels(
            (1, "Customer"),
            (2, "Lead"),
            (3, "Prospect"),
            (4, "Dead"),
            (6, "Cancelation"),
            (7, "Vendor"),
            (8, "Partner"),
            system=True,
        ),
        "competitorID": _labels((29682901, "In-house IT"), (29682902, "Another provider")),
        "invoiceMethod": _labels((1, "E-mail"), (2, "Print"), (3, "Print and e-mail"), system=True),
        "marketSegmentID": _labels(
            (29683456, "Healthcare"),
            (29683457, "Legal"),
            (29683458, "Manufacturing"),
            (29683459, "Non-profit"),
        ),
        "purchaseOrderTemplateID": _labels((1, "Standard"), system=True),
        "territoryID": (
            PicklistValue(29683453, "East", sort_order=1),
            PicklistValue(29683454, "West", sort_order=2),
            PicklistValue(29683455, "Old territory", sort_order=3, is_active=False),
        ),
    }
)


class PicklistError(ValueError):
    """A tenant's picklist names a field that is none."""


def tenant_picklists(
    own: Mapping[str, PicklistChoices],
) -> dict[str, tuple[PicklistValue, ...]]:
    """The default picklists with the tenant's ``own`` lists in their place.

    A list is a mapping of value to label, or a sequence of PicklistValue where more is to be said.
    Raises PicklistError for a field that is no picklist.
    """
    lists = dict(DEFAULT_PICKLISTS)
    for name, choices in own.items():
        field = find_field(name)
        if field is None or not field.is_picklist:
            known = ", ".join(each.name for each in COMPANY_FIELDS if each.is_picklist)
            message = f"{name!r} is not a picklist field; these are: {known}"
            raise PicklistError(message)
        lists[field.name] = _labels(*choices.items()) if isinstance(choices, Mapping) else tuple(choices)
    return lists
