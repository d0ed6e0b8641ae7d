"""A file of organizations: what its columns are called."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import BinaryIO

from integrations.files.reader import (
    MAX_CHARACTERS,
    MAX_ROWS,
    Columns,
    FileRow,
    ImportRefused,
    TableFile,
    open_table_file,
)

__all__ = [
    "COLUMNS",
    "KEY",
    "MAX_CHARACTERS",
    "MAX_ROWS",
    "FileRow",
    "ImportRefused",
    "open_organization_file",
]

KEY = "portal_key"
# What other tools call the columns. The first of each is ours; letter case, blanks, "_" and "-" do not count.
COLUMNS = {
    "name": (
        "name", "organization", "organisation", "organization name", "organisation name", "company",
        "company name", "customer", "customer name", "client", "client name",
    ),
    "external_id": (
        "external id", "id", "organization id", "organisation id", "company id", "customer id", "client id",
        "reference", "uid",
    ),
    "domain": ("domain", "web", "website", "web site", "web address", "url", "homepage", "primary domain"),
    "phone": ("phone", "phone number", "telephone", "telephone number", "tel", "main phone"),
    "city": ("city", "town", "locality"),
    "state": ("state", "province", "region", "state province"),
    "postal_code": ("postal code", "postcode", "post code", "zip", "zip code", "zipcode"),
    "is_active": ("active", "is active", "enabled", "status"),
    KEY: ("portal key",),
}  # fmt: skip


def open_organization_file(stream: BinaryIO) -> AbstractContextManager[TableFile]:
    """Read the header; the rows follow as they are asked for. Raises ImportRefused, also while reading."""
    return open_table_file(stream, Columns(COLUMNS, required=("name",)))
