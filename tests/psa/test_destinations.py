"""Where the client may connect: the rule for addresses, and that every request passes the gate."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.outbound.addresses import Gate, SocketAddress
from integrations.psa.autotask.calls import check_next_url
from integrations.psa.autotask.destinations import check_url
from integrations.psa.base import DestinationRefused, UnexpectedAnswer
from tests.psa.conftest import Connect, Serve, northwind
from tests.support.properties import examples

IPV4 = socket.AF_INET


@pytest.mark.parametrize(
    "url",
    [
        "https://webservices14.autotask.net/ATServicesRest/",
        "https://WebServices5.Autotask.Net/atservicesrest",
        "https://prde.autotask.net:443/atservicesrest/",
    ],
)
def test_vendor_hosts_over_https_are_allowed(url: str) -> None:
    assert check_url(url).port == 443
    assert check_url(url).host.endswith(".autotask.net")


@pytest.mark.parametrize(
    "url",
    [
        "http://webservices14.autotask.net/",
        "https://webservices14.autotask.net:8443/",
        "https://autotask.net/",
        "https://notautotask.net/",
        "https://autotask.net.evil.example/",
        "https://webservices14.autotask.net.evil.example/",
        "https://evil.example/webservices14.autotask.net",
        "https://webservices14.autotask.net@evil.example/",
        "https://user:word@webservices14.autotask.net/",
        "https://webservices14.autotask.net#@evil.example/",
        "https://webservices14.autotask.net\\@evil.example/",
        "https://web\tservices14.autotask.net/",
        "https://webservices14.autotask.net./",
        "https://.autotask.net/",
        "https://a..autotask.net/",
        "https://webservices14.autotask.net:99999/",
        "https://webſervices.autotask.net/",
        "ftp://webservices14.autotask.net/",
        "//webservices14.autotask.net/",
        "https:///path",
        "https://[::1/",
        "https://127.0.0.1/",
        "file:///etc/passwd",
        "",
    ],
)
def test_every_other_address_is_refused(url: str) -> None:
    with pytest.raises(DestinationRefused) as refused:
        check_url(url)
    assert "autotask.net are allowed" in refused.value.user_text


def test_an_extra_host_is_allowed_with_its_port_only() -> None:
    extra = {"127.0.0.1:8010", "[::1]:8010"}
    assert check_url("http://127.0.0.1:8010/x", extra).is_extra
    assert check_url("http://[::1]:8010/x", extra).origin == "http://[::1]:8010"
    for url in ("http://127.0.0.1:8011/", "http://127.0.0.1/", "http://localhost:8010/"):
        with pytest.raises(DestinationRefused):
            check_url(url, extra)


@examples(60)
@given(st.text(max_size=40))
def test_any_text_is_either_allowed_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}.autotask.net/"):
        try:
            destination = check_url(url)
        except DestinationRefused:
            continue
        assert destination.scheme == "https"
        assert destination.host.endswith(".autotask.net")


def test_requests_go_through_the_gate_and_reuse_the_connection(serve: Serve, connect: Connect) -> None:
    """The name does not exist outside of the gate: only the checked address can have been used."""
    simulator = serve(northwind())
    port = int(simulator.base_url.rpartition(":")[2])
    looked_up: list[str] = []

    def resolve(host: str, asked: int) -> list[SocketAddress]:
        looked_up.append(host)
        return [(IPV4, ("127.0.0.1", asked))]

    hosts = frozenset({f"zone.invalid:{port}"})
    client = connect(f"http://zone.invalid:{port}", extra_hosts=hosts, gate=Gate(hosts, resolve), stored=True)
    assert client.count_companies(()) == 4
    assert client.budget().limit == 10_000
    assert looked_up == ["zone.invalid"]


def test_a_rebound_name_is_refused_in_the_middle_of_the_work(serve: Serve, connect: Connect) -> None:
    """The vendor's name begins to lead inside: the next connection is refused, nothing is sent there."""
    simulator = serve(northwind())
    gate = Gate(frozenset(), lambda host, port: [(IPV4, ("127.0.0.1", port))])
    client = connect(simulator, gate=gate, api_url="https://webservices14.autotask.net/ATServicesRest/")
    with pytest.raises(DestinationRefused):
        client.count_companies(())
    assert len(simulator.requests) == 0


@pytest.mark.parametrize(
    "next_url",
    [
        "https://webservices5.autotask.net/ATServicesRest/V1.0/Companies/query/next?paging=x",
        "http://webservices14.autotask.net/ATServicesRest/V1.0/Companies/query/next",
        "https://webservices14.autotask.net:444/ATServicesRest/V1.0/Companies/query/next",
        "https://evil.example/ATServicesRest/V1.0/Companies/query/next",
        "https://webservices14.autotask.net@evil.example/ATServicesRest/V1.0/Companies/query/next",
        "https://webservices14.autotask.net/other/V1.0/Companies/query/next",
        "https://webservices14.autotask.net/ATServicesRest/V1.0/Companies/../../x",
        "https://webservices14.autotask.net/ATServicesRest/V1.0/Companies/%2e%2e/x",
        "https://webservices14.autotask.net/ATServicesRest/V1.0/Contacts/query/next",
        "/ATServicesRest/V1.0/Companies/query/next",
        "next",
    ],
)
def test_a_next_page_elsewhere_is_refused(next_url: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        check_next_url(next_url, "https://webservices14.autotask.net/ATServicesRest/")


def test_a_next_page_at_home_is_followed_whatever_its_case() -> None:
    check_next_url(
        "https://WebServices14.autotask.net/atservicesrest/v1.0/companies/query/next?paging=%7b%22a%22%3a1%7d",
        "https://webservices14.autotask.net/ATServicesRest/",
    )
