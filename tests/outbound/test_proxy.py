"""The proxy of the settings: how its address is read, and which destinations go past it."""

from __future__ import annotations

import pytest

from integrations.outbound.addresses import Gate
from integrations.outbound.errors import AddressRefused
from integrations.outbound.proxy import read_proxy


@pytest.mark.parametrize(
    ("text", "host", "port", "url"),
    [
        ("http://proxy.example:8080", "proxy.example", 8080, "http://proxy.example:8080"),
        ("proxy.example:8080", "proxy.example", 8080, "http://proxy.example:8080"),
        (" http://Proxy.Example/ ", "proxy.example", 3128, "http://proxy.example:3128"),
        ("http://10.0.0.7", "10.0.0.7", 3128, "http://10.0.0.7:3128"),
        ("http://[fd00::7]:80", "fd00::7", 80, "http://[fd00::7]:80"),
        ("http://me:p%40ss@proxy.example:1", "proxy.example", 1, "http://me:p%40ss@proxy.example:1"),
    ],
)
def test_the_address_of_a_proxy(text: str, host: str, port: int, url: str) -> None:
    proxy = read_proxy(text)
    assert proxy is not None
    assert (proxy.host, proxy.port, proxy.url) == (host, port, url)
    assert "p%40ss" not in repr(proxy)


@pytest.mark.parametrize(
    "text",
    [
        "https://proxy.example:3128",
        "socks5://proxy.example",
        "http://",
        "http://proxy:99999",
        "http://proxy/path",
    ],
)
def test_what_is_no_proxy_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"proxy") as refused:
        read_proxy(text.replace("://", "://me:hidden@"))
    assert "hidden" not in str(refused.value)
    assert read_proxy("  ") is None


@pytest.mark.parametrize(
    ("no_proxy", "past"),
    [
        ("", set()),
        ("*", {"webservices5.autotask.net:443", "10.1.2.3:443", "localhost:8443"}),
        ("autotask.net", {"webservices5.autotask.net:443"}),
        (".autotask.net, localhost", {"webservices5.autotask.net:443", "localhost:8443"}),
        ("*.autotask.net", {"webservices5.autotask.net:443"}),
        ("task.net", set()),
        ("localhost:8443", {"localhost:8443"}),
        ("localhost:443", set()),
        ("10.0.0.0/8", {"10.1.2.3:443"}),
        ("10.1.2.3", {"10.1.2.3:443"}),
        ("nonsense/9", set()),
    ],
)
def test_what_goes_past_the_proxy(no_proxy: str, past: set[str]) -> None:
    proxy = read_proxy("http://proxy.example", no_proxy)
    assert proxy is not None
    asked = [("WebServices5.autotask.net", 443), ("10.1.2.3", 443), ("localhost", 8443)]
    assert {f"{host.lower()}:{port}" for host, port in asked if not proxy.serves(host, port)} == past


@pytest.mark.parametrize(
    "host", ["localhost", "api.localhost", "10.0.0.5", "169.254.169.254", "::1", "[fe80::1]"]
)
def test_a_proxy_is_not_asked_for_what_lies_inside(host: str) -> None:
    with pytest.raises(AddressRefused):
        Gate().check_name(host, 443)
    Gate(frozenset({"localhost:443", "10.0.0.5:443"})).check_name("10.0.0.5", 443)
    Gate().check_name("webservices5.autotask.net", 443)
