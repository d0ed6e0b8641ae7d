"""Zone discovery, versions and credentials: what each kind of caller is told."""

from __future__ import annotations

import socket

import pytest
import requests

from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.simulator.conftest import SECRET, TRACKING_IDENTIFIER, USERNAME, Caller, make_tenant


def discover(simulator: Simulator, user: str | None, path: str = "v1.0/zoneInformation") -> requests.Response:
    parameters = {} if user is None else {"user": user}
    return requests.get(f"{simulator.api_url}{path}", params=parameters, timeout=10)


@pytest.mark.parametrize("user", [USERNAME, USERNAME.upper()])
@pytest.mark.parametrize("path", ["v1.0/zoneInformation", "V1.0/ZONEINFORMATION", "v1.0/zoneinformation/"])
def test_zone_of_a_user_needs_no_credentials(simulator: Simulator, user: str, path: str) -> None:
    answer = discover(simulator, user, path)
    assert answer.status_code == 200
    assert answer.json() == {
        "zoneName": "AE02",
        "url": f"{simulator.base_url}/ATServicesRest/",
        "webUrl": "https://ww14.autotask.net/",
        "ci": 513558,
    }


@pytest.mark.parametrize("user", ["nobody@msp.example", "", None])
def test_zone_of_an_unknown_user_is_an_error_500(simulator: Simulator, user: str | None) -> None:
    answer = discover(simulator, user)
    assert answer.status_code == 500
    assert answer.json() == {"errors": ["Zone information could not be determined"]}


def test_version_information_needs_no_credentials(simulator: Simulator) -> None:
    answer = requests.get(f"{simulator.base_url}/atservicesrest/versioninformation", timeout=10)
    assert answer.json()["apiVersions"][-1] == "v1.0"


def test_right_credentials_are_accepted_in_any_casing_of_the_headers(simulator: Simulator) -> None:
    headers = {"USERNAME": USERNAME, "secret": SECRET, "APIIntegrationcode": TRACKING_IDENTIFIER}
    answer = requests.get(f"{simulator.api_url}v1.0/VERSION", headers=headers, timeout=10)
    assert answer.status_code == 200
    assert set(answer.json()) == {"majorVersion", "minorVersion", "build", "customerType"}
    assert all(isinstance(value, str) for value in answer.json().values())


@pytest.mark.parametrize(
    "changed", [{"username": "nobody@msp.example"}, {"secret": "wrong"}, {"tracking_identifier": "wrong"}]
)
@pytest.mark.parametrize("path", ["Version", "Companies/entityInformation", "ThresholdInformation"])
def test_any_wrong_credential_is_the_same_empty_401(
    simulator: Simulator, changed: dict[str, str], path: str
) -> None:
    answer = Caller(simulator, **changed).get(path)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["Content-Length"] == "0"
    assert answer.headers["WWW-Authenticate"] == 'Basic Realm="webservices14.autotask.net"'


def test_missing_headers_are_the_same_empty_401(simulator: Simulator) -> None:
    answer = requests.get(f"{simulator.api_url}v1.0/Version", timeout=10)
    assert (answer.status_code, answer.content) == (401, b"")


def test_an_inactive_user_has_a_zone_but_no_access() -> None:
    with Simulator([make_tenant(active=False)]) as simulator:
        assert discover(simulator, USERNAME).status_code == 200
        assert Caller(simulator).get("Version").status_code == 401


def test_repeated_wrong_secrets_lock_the_user() -> None:
    with Simulator([make_tenant(lock_after=2)]) as simulator:
        assert Caller(simulator, secret="wrong").get("Version").status_code == 401
        assert Caller(simulator).get("Version").status_code == 200  # a success starts the count anew
        for _ in range(2):
            Caller(simulator, tracking_identifier="wrong").get("Version")
        assert Caller(simulator).get("Version").status_code == 401


def test_tenants_are_told_apart_by_their_user() -> None:
    second = Tenant("api@other.example", "other", "OTHER", [{"id": 5, "companyName": "Only here"}])
    with Simulator([make_tenant(), second]) as simulator:
        caller = Caller(simulator, username="API@other.example", secret="other", tracking_identifier="OTHER")
        assert caller.ids({"op": "gte", "field": "id", "value": 0}) == [5]
        assert Caller(simulator, secret="other").get("Version").status_code == 401


def test_two_tenants_cannot_share_a_user() -> None:
    with pytest.raises(ValueError, match="two tenants have the user"):
        Simulator([make_tenant(), make_tenant(username=USERNAME.upper())])


def test_a_tenant_is_served_in_its_own_zone_only(tenant: Tenant, simulator: Simulator) -> None:
    caller = Caller(simulator)
    moved = simulator.move_tenant(USERNAME, 5)
    assert moved.base_url != simulator.base_url
    for base in (simulator.api_url, moved.api_url):  # discovery answers on every zone
        answer = requests.get(f"{base}v1.0/zoneInformation", params={"user": USERNAME}, timeout=10)
        assert answer.json()["url"] == moved.api_url
        assert answer.json()["webUrl"] == "https://ww5.autotask.net/"
    assert caller.get("Version").status_code == 401
    assert caller.get("Version", base=moved.api_url).status_code == 200
    simulator.move_tenant(USERNAME, 14)
    assert caller.get("Version").status_code == 200
    assert caller.get("Version", base=moved.api_url).status_code == 401
    assert tenant.zone == 14


def test_a_zone_has_one_port(simulator: Simulator) -> None:
    assert simulator.add_zone(5) == simulator.add_zone(5)
    assert simulator.add_zone(5).base_url != simulator.add_zone(6).base_url


def test_budget_counts_itself_and_only_accepted_calls(caller: Caller) -> None:
    assert caller.get("ThresholdInformation").json() == {
        "externalRequestThreshold": 10_000,
        "requestThresholdTimeframe": 60,
        "currentTimeframeRequestCount": 1,
    }
    Caller(caller.simulator, secret="wrong").get("ThresholdInformation")
    assert caller.get("thresholdinformation").json()["currentTimeframeRequestCount"] == 2


def test_authenticate_gives_a_token(caller: Caller) -> None:
    assert set(caller.get("Authenticate").json()) == {"authToken", "expiration"}


@pytest.mark.parametrize(
    "path", ["Companies/none", "Contacts/query", "Companies/5/Contacts", "", "../Version"]
)
def test_an_unknown_path_is_404(caller: Caller, path: str) -> None:
    answer = caller.get(path)
    assert answer.status_code == 404
    assert answer.json()["Message"].startswith("No HTTP resource was found that matches the request URI '")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "Version"),
        ("DELETE", "Companies/5"),
        ("PATCH", "Companies/query"),
        ("PUT", "zoneInformation"),
        ("GET", "Companies"),
        ("OPTIONS", "Companies/entityInformation/fields"),
    ],
)
def test_a_verb_that_a_path_does_not_know_is_405(caller: Caller, method: str, path: str) -> None:
    answer = caller.call(method, path)
    assert answer.status_code == 405
    assert answer.json() == {"Message": f"The requested resource does not support http method '{method}'."}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_writes_are_refused_for_want_of_permission(caller: Caller, method: str) -> None:
    answer = caller.call(method, "Companies", json={"companyName": "New"})
    assert answer.status_code == 500
    assert "adequate permissions" in answer.json()["errors"][0]


def test_a_zone_gets_the_port_that_was_kept_for_it() -> None:
    """So a portal can be told beforehand where a tenant will live after its move."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Simulator([make_tenant()], zone_ports={5: port}) as simulator:
        home = simulator.api_url
        simulator.inject("zone-moved", zone=5)
        moved = discover(simulator, USERNAME).json()["url"]
        assert moved == f"http://127.0.0.1:{port}/ATServicesRest/"
        assert Caller(simulator).get("Version").status_code == 401
        assert Caller(simulator).get("Version", base=moved).status_code == 200
        simulator.clear()
        assert discover(simulator, USERNAME).json()["url"] == home
