"""Clients that this project did not write accept the simulator: what each read, and what it sent for that.

``install.sh`` puts them below ``var/third_party``. With ``CI=true`` a client that is missing is a failure.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.simulators.autotask.request_log import ReceivedRequest
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant

pytestmark = [pytest.mark.third_party, pytest.mark.xdist_group("third_party")]

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parents[1] / "var" / "third_party"
PYTHON = INSTALLED / "venv" / "bin" / "python"
NODE_FOLDER = INSTALLED / "node"

USERNAME = "api@msp.example"
SECRET = "right-secret"
TRACKING_IDENTIFIER = "RIGHT-TRACKING-IDENTIFIER"
COMPANIES: tuple[dict[str, object], ...] = (
    {"id": 0, "companyName": "Northwind Managed IT", "companyType": 8},
    {"id": 3, "companyName": "Abel & Söhne GmbH", "companyType": 1, "city": "Köln"},
    {"id": 6, "companyName": "Baker's Dozen Bakery LLC", "companyType": 1, "phone": "555 0100"},
    {"id": 7, "companyName": "Cedar Dental Group", "companyType": 2, "isActive": False},
    {
        "id": 12,
        "companyName": "Delta Freight",
        "companyType": 7,
        "userDefinedFields": [{"name": "Contract", "value": "Gold"}],
    },
)
PAGES = [[0, 3], [6, 7], [12]]
COMPANY_TYPES = {
    "1": "Customer",
    "2": "Lead",
    "3": "Prospect",
    "4": "Dead",
    "6": "Cancelation",
    "7": "Vendor",
    "8": "Partner",
}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A simulator with five companies."""
    with Simulator([Tenant(USERNAME, SECRET, TRACKING_IDENTIFIER, COMPANIES)]) as running:
        yield running


def drive(simulator: Simulator, *command: str | Path, client: str, folder: Path = HERE) -> Any:
    """What a driver printed. Skips (with CI=true: fails) when its client is not installed."""
    missing = [str(each) for each in command if isinstance(each, Path) and not each.exists()]
    if missing or shutil.which(str(command[0])) is None or not folder.is_dir():
        reason = f"{client} is not installed: run tests/third_party/install.sh"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    finished = subprocess.run(
        command,
        cwd=folder,
        env={
            "PATH": os.environ.get("PATH", ""),
            "NO_PROXY": "127.0.0.1",
            "BASE_URL": simulator.base_url,
            "USERNAME": USERNAME,
            "SECRET": SECRET,
            "TRACKING_IDENTIFIER": TRACKING_IDENTIFIER,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def zone(simulator: Simulator) -> dict[str, object]:
    return {
        "zoneName": "AE02",
        "url": simulator.api_url,
        "webUrl": "https://ww14.autotask.net/",
        "ci": 513558,
    }


def verbs(requests: tuple[ReceivedRequest, ...]) -> list[str]:
    return [request.method for request in requests]


def test_django_autotask(simulator: Simulator) -> None:
    home = simulator.api_url
    read = drive(simulator, PYTHON, HERE / "drive_django_autotask.py", client="django-autotask")
    assert read["zone"] == {**zone(simulator), "url": home}
    assert read["unknown_user"] == "AutotaskAPIError"
    assert read["pages_by_get"] == read["pages_by_post"] == PAGES
    assert read["customers"] == ["Abel & Söhne GmbH", "Baker's Dozen Bakery LLC"]
    assert read["count"] == {"queryCount": 2}
    assert read["one"] == "Abel & Söhne GmbH"
    assert read["missing"] == "AutotaskRecordNotFoundError"
    assert read["picklist"] == COMPANY_TYPES
    assert read["unknown_field"] == "AutotaskAPIServerError"
    assert read["synchronized"] == {
        "types": COMPANY_TYPES,
        "accounts": {
            "0": ["Northwind Managed IT", "Partner"],
            "3": ["Abel & Söhne GmbH", "Customer"],
            "6": ["Baker's Dozen Bakery LLC", "Customer"],
            "12": ["Delta Freight", "Vendor"],
        },
    }
    assert read["no_permission"] == "AutotaskSecurityPermissionsException"
    # After a move its first call fails, finds the new zone meanwhile, and the next client goes there.
    assert read["first_after_move"] == "AutotaskAPIClientError"
    assert read["second_after_move"] == len(COMPANIES)
    assert verbs(simulator.requests.to("query/next"))[:4] == ["GET", "GET", "POST", "POST"]
    assert {request.status for request in simulator.requests.to("query/next")} == {200}


def test_apigrate_autotask_restapi(simulator: Simulator) -> None:
    read = drive(
        simulator,
        "node",
        HERE / "drive_apigrate.cjs",
        client="@apigrate/autotask-restapi",
        folder=NODE_FOLDER,
    )
    assert read["zone"] == zone(simulator)
    assert read["pages"] == PAGES
    assert read["count"] == {"queryCount": 2}
    assert read["either"] == [7, 12]
    assert read["chosen"] == [{"id": 3, "city": "Köln", "userDefinedFields": []}]
    assert read["details"] == {"count": 1, "requestCount": 500, "prevPageUrl": None, "nextPageUrl": None}
    assert read["one"] == "Abel & Söhne GmbH"
    assert read["missing"] == {"item": None}
    assert read["info"]["userAccessForQuery"] == "All"
    assert read["udf"] == ["Contract"]
    assert read["picklist"] == COMPANY_TYPES
    used = read["threshold"].pop("currentTimeframeRequestCount")
    assert read["threshold"] == {"externalRequestThreshold": 10_000, "requestThresholdTimeframe": 60}
    accepted = [request for request in simulator.requests if request.status == 200]
    assert 0 < used < len(accepted) + 1
    assert read["wrongSecret"]["status"] == 401
    assert read["unknownField"]["status"] == 500
    assert "Unable to find accountName in the Company Entity" in read["unknownField"]["message"]


def test_py_autotask(simulator: Simulator) -> None:
    read = drive(simulator, PYTHON, HERE / "drive_py_autotask.py", client="py-autotask")
    assert read["zone"] == simulator.api_url
    assert (read["connected"], read["wrong_secret"]) == (True, False)
    assert read["unknown_user"] == "AutotaskAuthError"
    assert read["pages"] == PAGES
    assert read["first_page"] == PAGES[0]
    assert read["next_page"].startswith(f"{simulator.api_url}V1.0/Companies/query/next?paging=%7b")
    assert "Cedar Dental Group" not in read["active"]
    assert read["count"] == len(read["active"]) == 4
    assert read["one"] == "Abel & Söhne GmbH"
    assert read["missing"] is None
    assert read["access"] == "All"
    assert read["picklist"] == COMPANY_TYPES
    assert read["unknown_field"] == "AutotaskAPIError"


def test_versions_are_pinned_and_no_lock_file_is_kept() -> None:
    """What is installed is what was tried; a lock file would name a registry of whoever made it."""
    dependencies = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert all(version[0].isdigit() for version in dependencies.values())
    lines = (HERE / "clients.txt").read_text(encoding="utf-8").splitlines()
    assert [line.partition("==")[0] for line in lines if not line.startswith("#")] == [
        "django-autotask",
        "py-autotask",
    ]
    assert all("==" in line for line in lines if not line.startswith("#"))
    kept = {path.name for path in HERE.iterdir()}
    assert not kept & {"package-lock.json", "node_modules", "npm-shrinkwrap.json"}
