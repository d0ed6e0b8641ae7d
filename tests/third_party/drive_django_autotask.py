"""Drives django-autotask against a simulator and prints what it read as JSON. Run by its own interpreter.

Reads BASE_URL, USERNAME, SECRET and TRACKING_IDENTIFIER from the environment.
"""

import json
import os
import sys
import urllib.request

import django
from django.conf import settings

BASE_URL = os.environ["BASE_URL"]
USERNAME = os.environ["USERNAME"]

settings.configure(
    AUTOTASK_SERVER_URL=f"{BASE_URL}/ATServicesRest/",
    AUTOTASK_CREDENTIALS={
        "username": USERNAME,
        "password": os.environ["SECRET"],
        "integration_code": os.environ["TRACKING_IDENTIFIER"],
        "rest_api_version": "1.0",
    },
    DJAUTOTASK_CONF_CALLABLE=lambda: {"max_attempts": 2, "batch_size": 3},
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "djautotask"],
    MIGRATION_MODULES={"djautotask": None},
    SECRET_KEY="only-for-tests",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402
from djautotask import api, models, sync  # noqa: E402


def switch_fault(**fault: object) -> None:
    """Switch a fault of the simulator on; without arguments, all of them off."""
    request = urllib.request.Request(  # noqa: S310  # the test's own simulator
        f"{BASE_URL}/__control__/faults",
        data=json.dumps(fault).encode() if fault else None,
        method="POST" if fault else "DELETE",
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def accounts(*conditions: api.ApiCondition) -> api.AccountsAPIClient:
    """A new client of companies with conditions."""
    client = api.AccountsAPIClient()
    for condition in conditions:
        client.add_condition(condition)
    return client


def all_ids(method: str) -> list[list[int]]:
    """The ids of every page, read by GET or by POST."""
    client = accounts(api.ApiCondition(op="noteq", field="id", value=-1))
    answer = client.fetch_resource(method=method, page_size=2)
    pages = [[item["id"] for item in answer["items"]]]
    while answer["pageDetails"]["nextPageUrl"]:
        answer = client.fetch_resource(next_url=answer["pageDetails"]["nextPageUrl"], method=method)
        pages.append([item["id"] for item in answer["items"]])
    return pages


def error_of(call: object) -> str:
    """The name of the exception that a call ends in."""
    try:
        call()
    except api.AutotaskAPIError as error:
        return type(error).__name__
    return ""


def synchronized() -> dict[str, object]:
    """What the package's own synchronisation makes of the companies and their types."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    sync.AccountTypeSynchronizer().sync()
    sync.AccountSynchronizer(full=True).sync()
    return {
        "types": dict(models.AccountType.objects.values_list("id", "label")),
        "accounts": {
            account.id: [account.name, account.type.label if account.type else None]
            for account in models.Account.objects.select_related("type")
        },
    }


def main() -> None:
    """Read everything and print it."""
    result: dict[str, object] = {
        "zone": api.get_zone_info(USERNAME),
        "unknown_user": error_of(lambda: api.get_zone_info("nobody@msp.example")),
        "pages_by_get": all_ids("get"),
        "pages_by_post": all_ids("post"),
        "customers": [
            item["companyName"]
            for item in accounts(
                api.ApiCondition(
                    api.ApiCondition(op="eq", field="companyType", value="1"),
                    api.ApiCondition(op="eq", field="isActive", value="true"),
                    op="and",
                )
            ).fetch_resource()["items"]
        ],
        "count": accounts(api.ApiCondition(op="eq", field="companyType", value=1)).fetch_resource(
            record_count=True
        ),
        "one": accounts().get_single(3)["item"]["companyName"],
        "missing": error_of(lambda: accounts().get_single(4)),
        "picklist": {
            value["value"]: value["label"]
            for field in api.AccountTypesAPIClient().get(None)["fields"]
            if field["name"] == "companyType"
            for value in field["picklistValues"]
        },
        "unknown_field": error_of(
            lambda: accounts(api.ApiCondition(op="eq", field="accountName", value="x")).fetch_resource()
        ),
        "synchronized": synchronized(),
    }
    switch_fault(name="no-company-permission")
    result["no_permission"] = error_of(accounts(api.ApiCondition(op="exist", field="id")).fetch_resource)
    switch_fault()
    switch_fault(name="zone-moved")
    moved = accounts(api.ApiCondition(op="exist", field="id"))
    result["first_after_move"] = error_of(moved.fetch_resource)
    result["second_after_move"] = len(
        accounts(api.ApiCondition(op="exist", field="id")).fetch_resource()["items"]
    )
    switch_fault()
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
