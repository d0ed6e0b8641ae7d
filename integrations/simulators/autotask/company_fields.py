"""The fields of a company as the remote API names and types them, and reading a value by its field's type.

Names, types and lengths follow the vendor's public interface description and entity pages. Where the two
disagree the longer length is taken, so that the simulator refuses nothing that the real service might hold.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FieldValue = str | int | float | bool | None

TYPE_WORDS = MappingProxyType(
    {
        "integer": "an integer",
        "short": "an integer",
        "long": "an integer",
        "double": "a number",
        "decimal": "a number",
        "boolean": "true or false",
        "datetime": "a date and time such as 2024-05-01T09:30:00Z",
        "string": "text",
    }
)

_WHOLE_NUMBER_LIMITS = {"short": 2**31, "integer": 2**31, "long": 2**63}


class FieldValueError(ValueError):
    """A value does not fit the type of its field. The message ends the sentence "<value> is not ..."."""


@dataclass(frozen=True, slots=True)
class CompanyField:
    """One field: ``data_type`` is the API's own word, ``length`` counts characters (0 when not a text)."""

    name: str
    data_type: str
    length: int = 0
    is_required: bool = False
    is_read_only: bool = False
    is_queryable: bool = True
    reference: str = ""
    is_picklist: bool = False
    is_webhook_field: bool = False


def _text(name: str, length: int, *, webhook: bool = False, required: bool = False) -> CompanyField:
    return CompanyField(name, "string", length, is_required=required, is_webhook_field=webhook)


def _picklist(name: str, *, data_type: str = "integer", required: bool = False) -> CompanyField:
    return CompanyField(
        name, data_type, is_picklist=True, is_required=required, is_webhook_field=name == "companyType"
    )


def _reference(name: str, entity: str, *, read_only: bool = False, required: bool = False) -> CompanyField:
    return CompanyField(name, "integer", reference=entity, is_read_only=read_only, is_required=required)


def _flag(name: str) -> CompanyField:
    return CompanyField(name, "boolean", is_webhook_field=name == "isActive")


def _moment(name: str) -> CompanyField:
    return CompanyField(name, "datetime", is_read_only=True)


# `id` first and the rest by name: the order in which rows and metadata are answered.
COMPANY_FIELDS: tuple[CompanyField, ...] = (
    CompanyField("id", "long", is_required=True, is_read_only=True),
    _text("additionalAddressInformation", 100),
    _text("address1", 150, webhook=True),
    _text("address2", 150, webhook=True),
    _text("alternatePhone1", 25),
    _text("alternatePhone2", 25),
    _picklist("apiVendorID"),
    CompanyField("assetValue", "decimal", is_queryable=False),
    _text("billingAddress1", 150),
    _text("billingAddress2", 150),
    _text("billToAdditionalAddressInformation", 100),
    _picklist("billToAddressToUse"),
    _text("billToAttention", 50),
    _text("billToCity", 50),
    _reference("billToCompanyLocationID", "CompanyLocation"),
    _reference("billToCountryID", "Country"),
    _text("billToState", 128),
    _text("billToZipCode", 50),
    _text("city", 30, webhook=True),
    _picklist("classification"),
    _reference("companyCategoryID", "CompanyCategory"),
    _text("companyName", 100, webhook=True, required=True),
    _text("companyNumber", 50),
    _picklist("companyType", data_type="short", required=True),
    _picklist("competitorID"),
    _reference("countryID", "Country"),
    _moment("createDate"),
    _reference("createdByResourceID", "Resource", read_only=True),
    _reference("currencyID", "Currency"),
    _text("fax", 25),
    _reference("impersonatorCreatorResourceID", "Resource", read_only=True),
    _reference("invoiceEmailMessageID", "NotificationTemplate"),
    _picklist("invoiceMethod"),
    _flag("invoiceNonContractItemsToParentCompany"),
    _reference("invoiceTemplateID", "InvoiceTemplate"),
    _flag("isActive"),
    _flag("isClientPortalActive"),
    _flag("isEnabledForComanaged"),
    _flag("isSample"),
    _flag("isTaskFireActive"),
    _flag("isTaxExempt"),
    _moment("lastActivityDate"),
    _moment("lastTrackedModifiedDateTime"),
    _picklist("marketSegmentID"),
    _reference("ownerResourceID", "Resource", required=True),
    _reference("parentCompanyID", "Company"),
    _text("phone", 25, webhook=True, required=True),
    _text("postalCode", 30),
    _picklist("purchaseOrderTemplateID"),
    _reference("quoteEmailMessageID", "NotificationTemplate"),
    _reference("quoteTemplateID", "QuoteTemplate"),
    _text("sicCode", 32),
    _text("state", 40, webhook=True),
    _text("stockMarket", 10),
    _text("stockSymbol", 10),
    CompanyField("surveyCompanyRating", "double", is_read_only=True),
    _text("taxID", 50),
    _reference("taxRegionID", "TaxRegion"),
    _picklist("territoryID"),
    _text("webAddress", 255),
)

FIELDS_BY_LOWER_NAME: Mapping[str, CompanyField] = MappingProxyType(
    {field.name.lower(): field for field in COMPANY_FIELDS}
)

USER_DEFINED_FIELDS_KEY = "userDefinedFields"


def find_field(name: str) -> CompanyField | None:
    """The field of that name, whatever its casing; None when companies have no such field."""
    return FIELDS_BY_LOWER_NAME.get(name.lower())


def typed_value(field: CompanyField, value: object) -> FieldValue:
    """``value`` as rows carry it: text, integer, number, true or false, or an ISO moment in UTC.

    Texts are converted ("12" for an integer field, "yes" for none), so that CSV cells and JSON values are
    read alike. Raises FieldValueError when the value does not fit the field's type.
    """
    if value is None:
        return None
    match field.data_type:
        case "string":
            return _read_text(value)
        case "boolean":
            return read_boolean(value)
        case "datetime":
            return moment_text(read_moment(value))
        case "double" | "decimal":
            return read_number(value)
        case _:
            return read_whole_number(value, limit=_WHOLE_NUMBER_LIMITS[field.data_type])


def _read_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        message = f"{value!r} is not {TYPE_WORDS['string']}"
        raise FieldValueError(message)
    return str(value)


def read_boolean(value: object) -> bool:
    """True or false, also from the words "true" and "false" in any casing; FieldValueError otherwise."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    message = f"{value!r} is not {TYPE_WORDS['boolean']}"
    raise FieldValueError(message)


def read_number(value: object) -> float:
    """A finite number, also from its decimal notation; FieldValueError otherwise."""
    number = math.nan
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
    if not math.isfinite(number):
        message = f"{value!r} is not {TYPE_WORDS['double']}"
        raise FieldValueError(message)
    return number


def read_whole_number(value: object, *, limit: int = 2**63) -> int:
    """An integer below ``limit`` in size, also from its decimal notation; FieldValueError otherwise."""
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    elif isinstance(value, str) and len(value) <= 20:  # a longer one is past every limit
        try:
            number = int(value)
        except ValueError:
            number = None
    if number is None or abs(number) >= limit:
        message = f"{value!r} is not {TYPE_WORDS['integer']}"
        raise FieldValueError(message)
    return number


def read_moment(value: object) -> dt.datetime:
    """A moment in UTC from a datetime, a date, or ISO text (UTC where it names no offset)."""
    moment: dt.datetime | None = None
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, dt.date):
        moment = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    elif isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            moment = None
    if moment is None:
        message = f"{value!r} is not {TYPE_WORDS['datetime']}"
        raise FieldValueError(message)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError as error:
        message = f"{value!r} is not {TYPE_WORDS['datetime']}"
        raise FieldValueError(message) from error


def moment_text(moment: dt.datetime) -> str:
    """The wire form of a moment: UTC with milliseconds, such as ``2012-10-24T05:00:00.000Z``."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
