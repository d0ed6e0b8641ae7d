"""Drives py-autotask against a simulator and prints what it read as JSON. Run by its own interpreter.

Reads BASE_URL, USERNAME, SECRET and TRACKING_IDENTIFIER from the environment.
"""

import json
import os
import sys

from py_autotask import AutotaskClient
from py_autotask.auth import AutotaskAuth
from py_autotask.exceptions import AutotaskError

BASE_URL = os.environ["BASE_URL"]
AutotaskAuth.ZONE_INFO_URL = f"{BASE_URL}/atservicesrest/v1.0/zoneInformation"


def client(**changed: str) -> AutotaskClient:
    """A client that finds its zone by itself."""
    values = {
        "username": os.environ["USERNAME"],
        "secret": os.environ["SECRET"],
        "integration_code": os.environ["TRACKING_IDENTIFIER"],
        **changed,
    }
    return AutotaskClient.create(**values)


def error_of(call: object) -> str:
    """The name of the exception that a call ends in."""
    try:
        call()
    except AutotaskError as error:
        return type(error).__name__
    return ""


def ids_after(own: AutotaskClient, last: int) -> list[list[int]]:
    """Every page after an id, by asking for ids beyond the last one: its own next page is broken."""
    pages = []
    while True:
        filters = [{"op": "gt", "field": "id", "value": last}]
        answer = own.query("Companies", {"filter": filters, "maxRecords": 2})
        if not answer.items:
            return pages
        pages.append([item["id"] for item in answer.items])
        last = pages[-1][-1]


def main() -> None:
    """Read everything and print it."""
    own = client()
    active = {"op": "eq", "field": "isActive", "value": "true"}
    first = own.companies.query({"filter": [{"op": "gte", "field": "id", "value": 0}], "maxRecords": 2})
    result = {
        "zone": own.auth.api_url,
        "connected": own.auth.test_connection(),
        "wrong_secret": client(secret="wrong").auth.test_connection(),
        "unknown_user": error_of(lambda: client(username="nobody@msp.example").auth.api_url),
        "pages": ids_after(own, -1),
        "first_page": [item["id"] for item in first.items],
        "next_page": first.page_details.next_page_url,
        "active": [item["companyName"] for item in own.companies.query(active).items],
        "count": own.companies.count([active]),
        "one": own.companies.get(3)["companyName"],
        "missing": own.companies.get(4),
        "access": own.companies.get_entity_info()["info"]["userAccessForQuery"],
        "picklist": {
            value["value"]: value["label"]
            for field in own.companies.get_field_info()["fields"]
            if field["name"] == "companyType"
            for value in field["picklistValues"]
        },
        "unknown_field": error_of(
            lambda: own.companies.query({"op": "eq", "field": "accountName", "value": "x"})
        ),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
