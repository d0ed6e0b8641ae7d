"""The way out of an office: several addresses of a host, a proxy, a firewall that signs with its own CA."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.outbound.addresses import Gate, SocketAddress
from integrations.outbound.proxy import read_proxy
from integrations.psa.autotask.client import AutotaskClient
from integrations.psa.base import ConnectionReport, StepState
from integrations.simulators.autotask.server import Simulator
from tests.outbound.certificates import make_certificate
from tests.outbound.relays import ConnectProxy, TLSFront, address_that_never_accepts
from tests.psa.conftest import Connect, Serve, northwind

HOST = "zone.invalid"
BEYOND = 3.0
"""Seconds that a check may take longer than usual because of the way out."""

Certificate = tuple[Path, Path]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for the host, signed by an authority that nobody knows: itself."""
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "certificate.pem", folder / "key.pem"
    make_certificate(*made, HOST)
    return made


@pytest.fixture
def simulator(serve: Serve) -> Simulator:
    """A simulator that is to be reached under the host's name."""
    return serve(northwind(40))


def resolver(*known: str) -> Callable[[str, int], list[SocketAddress]]:
    """A name service of this machine that knows these names."""

    def resolve(host: str, port: int) -> list[SocketAddress]:
        if host not in known:
            raise OSError(f"{host} was looked up")
        return [(socket.AF_INET, ("127.0.0.1", port))]

    return resolve


def secure_client(
    simulator: Simulator, front: TLSFront, connect: Connect, *known: str, **settings: object
) -> AutotaskClient:
    """A client that reaches the simulator by https under the host's name."""
    simulator.inject("zone-elsewhere", url=f"https://{HOST}:{front.port}/ATServicesRest/")
    hosts = frozenset({f"{HOST}:{front.port}"})
    return connect(
        f"https://{HOST}:{front.port}", stored=False, gate=Gate(hosts, resolver(*known)), **settings
    )


def failed_step(report: ConnectionReport) -> tuple[str, str]:
    """What the step that failed says, and what to do next."""
    (step,) = (step for step in report.steps if step.state is StepState.FAILED)
    return step.detail, step.next_step


# --- a proxy --------------------------------------------------------------------------------------


def test_a_check_passes_through_a_proxy_that_alone_knows_the_name(
    simulator: Simulator, certificate: Certificate, connect: Connect
) -> None:
    with TLSFront(certificate, simulator_port(simulator)) as front, ConnectProxy() as proxy:
        way = read_proxy(f"http://127.0.0.1:{proxy.port}")
        client = secure_client(
            simulator, front, connect, "127.0.0.1", proxy=way, ca_bundle=str(certificate[0])
        )
        started = time.monotonic()
        report = client.check()
        assert report.passed, [step.sentence for step in report.steps]
        assert sum(len(page.companies) for page in client.companies(())) == 40
        assert time.monotonic() - started < BEYOND
        client.close()
        assert set(proxy.tunnels) == {f"CONNECT {HOST}:{front.port}"}


def simulator_port(simulator: Simulator) -> int:
    return int(simulator.base_url.rpartition(":")[2])


def test_what_no_proxy_names_goes_past_it(
    simulator: Simulator, certificate: Certificate, connect: Connect
) -> None:
    with TLSFront(certificate, simulator_port(simulator)) as front, ConnectProxy() as proxy:
        way = read_proxy(f"http://127.0.0.1:{proxy.port}", f"localhost,{HOST}")
        client = secure_client(simulator, front, connect, HOST, proxy=way, ca_bundle=str(certificate[0]))
        assert client.check().passed
        client.close()
        assert proxy.tunnels == []


def test_a_simulator_without_tls_is_never_asked_for_through_the_proxy(
    simulator: Simulator, connect: Connect
) -> None:
    with ConnectProxy() as proxy:
        client = connect(simulator, stored=False, proxy=read_proxy(f"http://127.0.0.1:{proxy.port}"))
        assert client.check().passed
        assert proxy.tunnels == []


def test_a_proxy_with_a_password(
    simulator: Simulator, certificate: Certificate, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        TLSFront(certificate, simulator_port(simulator)) as front,
        ConnectProxy(sign_in="office:Open-Sesame-4") as proxy,
    ):
        bundle = str(certificate[0])
        way = read_proxy(f"http://office:Open-Sesame-4@127.0.0.1:{proxy.port}")
        client = secure_client(simulator, front, connect, "127.0.0.1", proxy=way, ca_bundle=bundle)
        assert client.check().passed
        shown = [f"{record.getMessage()} {record.args!r}" for record in caplog.records]
        assert not [text for text in (*shown, repr(client.settings)) if "Sesame" in text]
        client.close()
        without = read_proxy(f"http://127.0.0.1:{proxy.port}")
        client = secure_client(simulator, front, connect, "127.0.0.1", proxy=without, ca_bundle=bundle)
        proxy.tunnels.clear()
        detail, next_step = failed_step(client.check())
        assert "The proxy asks for a user name and a password" in detail
        assert "HTTPS_PROXY" in next_step
        assert len(proxy.tunnels) == 1
        client.close()


@pytest.mark.parametrize(
    ("answers", "said", "tries"),
    [(403, f"The proxy does not allow the portal to reach {HOST}", 1), (502, "it answered 502", 3)],
)
def test_a_proxy_that_refuses_is_named_by_the_check(
    simulator: Simulator, certificate: Certificate, connect: Connect, answers: int, said: str, tries: int
) -> None:
    with (
        TLSFront(certificate, simulator_port(simulator)) as front,
        ConnectProxy(answers=answers) as proxy,
    ):
        way = read_proxy(f"http://127.0.0.1:{proxy.port}")
        client = secure_client(
            simulator, front, connect, "127.0.0.1", proxy=way, ca_bundle=str(certificate[0])
        )
        detail, next_step = failed_step(client.check())
        assert said in detail
        assert "compare its settings HTTPS_PROXY and NO_PROXY with your proxy" in next_step
        assert len(proxy.tunnels) == tries
        assert len(simulator.requests) == 0


def test_a_proxy_that_does_not_run_is_named_by_the_check(
    simulator: Simulator, certificate: Certificate, connect: Connect
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    with TLSFront(certificate, simulator_port(simulator)) as front:
        way = read_proxy(f"http://127.0.0.1:{nobody}")
        client = secure_client(simulator, front, connect, "127.0.0.1", proxy=way)
        detail, next_step = failed_step(client.check())
        assert f"could not reach the proxy 127.0.0.1:{nobody}" in detail
        assert "HTTPS_PROXY" in next_step


def test_a_proxy_leads_nowhere_that_the_rule_for_addresses_forbids(
    simulator: Simulator, connect: Connect
) -> None:
    with ConnectProxy() as proxy:
        way = read_proxy(f"http://127.0.0.1:{proxy.port}")
        client = connect(simulator, stored=False, proxy=way)
        simulator.inject("zone-elsewhere", url="https://intranet.example/ATServicesRest/")
        detail, _ = failed_step(client.check())
        assert "refused to connect to the address https://intranet.example" in detail
        assert proxy.tunnels == []


# --- a certificate of one's own -------------------------------------------------------------------


def test_a_private_authority_is_trusted_by_setting_and_named_by_the_check_without(
    simulator: Simulator, certificate: Certificate, connect: Connect
) -> None:
    with TLSFront(certificate, simulator_port(simulator)) as front:
        started = time.monotonic()
        client = secure_client(simulator, front, connect, HOST, ca_bundle=str(certificate[0]))
        assert client.check().passed
        assert time.monotonic() - started < BEYOND
        simulator.requests.clear()
        detail, next_step = failed_step(secure_client(simulator, front, connect, HOST).check())
        assert "signed by an authority that the portal does not know" in detail
        assert "name that file in AUTOTASK_CA_BUNDLE" in next_step
        assert len(simulator.requests) == 0


def test_the_usual_authorities_stay_trusted_beside_the_private_one(
    simulator: Simulator, certificate: Certificate, connect: Connect
) -> None:
    with TLSFront(certificate, simulator_port(simulator)) as front:
        client = secure_client(simulator, front, connect, HOST, ca_bundle=str(certificate[0]))
        assert client.check().passed
        adapter = client._calls._transport._session.get_adapter("https://")
        trusted = adapter.poolmanager.connection_pool_kw["ssl_context"].cert_store_stats()  # type: ignore[attr-defined]
        assert trusted["x509_ca"] > 50


def test_a_certificate_for_another_host_is_no_matter_of_authorities(
    simulator: Simulator, tmp_path: Path, connect: Connect
) -> None:
    other = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificate(*other, "other.invalid")
    with TLSFront(other, simulator_port(simulator)) as front:
        client = secure_client(simulator, front, connect, HOST, ca_bundle=str(other[0]))
        detail, next_step = failed_step(client.check())
        assert "is not valid for it" in detail
        assert "AUTOTASK_CA_BUNDLE" not in next_step
        assert "Do not enter the credentials anywhere else" in next_step


# --- several addresses ----------------------------------------------------------------------------


def test_a_first_address_that_never_accepts_costs_about_a_second(
    simulator: Simulator, connect: Connect
) -> None:
    port = simulator_port(simulator)
    addresses: list[SocketAddress] = [
        (socket.AF_INET, ("127.0.0.3", port)),
        (socket.AF_INET, ("127.0.0.1", port)),
    ]
    hosts = frozenset({f"{HOST}:{port}"})
    with address_that_never_accepts("127.0.0.3", port):
        client = connect(f"http://{HOST}:{port}", gate=Gate(hosts, lambda host, _: addresses), stored=False)
        simulator.inject("zone-elsewhere", url=f"http://{HOST}:{port}/ATServicesRest/")
        started = time.monotonic()
        assert client.check().passed
        assert 0.5 < time.monotonic() - started < BEYOND
