"""A simulated Autotask for the tests of services, jobs and views, and the portal's own way to it.

The client is the real one, talking HTTP; only its patience is shortened, through the registry of PSAs.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection

from integrations import tasks
from integrations.models import (
    BrowserSession,
    Company,
    IntegrationInstance,
    Job,
    Organization,
    OrganizationMapping,
)
from integrations.psa.autotask.client import AutotaskClient, RetrySettings
from integrations.psa.autotask.provider import Autotask
from integrations.psa.base import Credentials, PSAClient
from integrations.psa.registry import PROVIDERS
from integrations.services.audit import Actor, Batch
from integrations.services.instances.connect import ConnectionDetails, connect_instance
from integrations.services.jobs import run as jobs
from integrations.services.mapping import proposals
from integrations.services.mapping import save as mappings
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.remembered import done

USERNAME = "api-portal@northwind.example"
SECRET = "Heron-71-blue-lantern"
TRACKING_IDENTIFIER = "QV7XKWDTRACKINGIDENTIFIER"
SECOND_USERNAME = "api-portal@southwind.example"
SECOND_SECRET = "Otter-22-green-anchor"
SECRETS = (SECRET, SECOND_SECRET, TRACKING_IDENTIFIER)
PAGE_SIZE = 10

CUSTOMER, VENDOR = 1, 7

COMPANIES: tuple[dict[str, object], ...] = (
    {"id": 0, "companyName": "Northwind Managed IT", "companyType": 8},
    {"id": 101, "companyName": "Abbott Dental Care, LLC", "city": "Dayton", "phone": "937-555-0101"},
    {"id": 102, "companyName": "Birchwood Veterinary Clinic", "city": "Columbus"},
    {"id": 103, "companyName": "Calloway & Sons Roofing", "city": "Toledo"},
    {"id": 104, "companyName": "Dunmore Freight Lines Inc", "city": "Akron"},
    {"id": 105, "companyName": "Eastgate Pharmacy", "city": "Canton"},
    {"id": 106, "companyName": "Fairhaven Community Church", "city": "Dublin"},
    {"id": 107, "companyName": "Granite Peak Engineering", "city": "Mason"},
    {"id": 108, "companyName": "Hollis Accounting Group", "city": "Dayton"},
    {"id": 109, "companyName": "Ironbridge Steel Works", "city": "Lorain"},
    {"id": 110, "companyName": "Juniper Landscape Design", "city": "Kent"},
    {"id": 111, "companyName": "Kestrel Aviation Services", "city": "Xenia"},
    {"id": 112, "companyName": "Lakeview Senior Living", "city": "Elyria"},
    {"id": 201, "companyName": "Paper & Toner Supply", "companyType": VENDOR},
    {"id": 202, "companyName": "Regional Fiber Telecom", "companyType": VENDOR},
)  # fmt: skip


class ImpatientAutotask(Autotask):
    """Autotask with small pages and short waits, so that a test of four pages or three tries stays short.

    ``otherwise`` are settings of the client that a test needs to be others.
    """

    def __init__(self, **otherwise: Any) -> None:
        self.otherwise = otherwise

    def client(self, credentials: Credentials, *, api_url: str = "") -> PSAClient:
        """The real client."""
        usual = super().client(credentials, api_url=api_url)
        assert isinstance(usual, AutotaskClient)
        usual.close()
        return AutotaskClient(
            credentials,
            settings=replace(usual.settings, **(IMPATIENT | self.otherwise)),
            api_url=api_url,
        )


IMPATIENT: dict[str, Any] = {
    "connect_timeout": 2.0,
    "read_timeout": 2.0,
    "request_deadline": 4.0,
    "page_size": PAGE_SIZE,
    "slow_pause": 0.001,
    "max_body_bytes": 512 * 1024,
    "max_pages": 50,
    "retry": RetrySettings(unavailable_wait=0.001, rate_wait=0.001, longest_wait=0.05),
}


def make_tenant(**options: Any) -> Tenant:
    """The usual tenant, with some things otherwise."""
    values: dict[str, Any] = {
        "username": USERNAME,
        "secret": SECRET,
        "tracking_identifier": TRACKING_IDENTIFIER,
        "companies": COMPANIES,
    }
    return Tenant(**(values | options))


def host_of(simulator: Simulator) -> str:
    """Its host and port."""
    return simulator.base_url.removeprefix("http://")


def _served_by(simulator: Simulator) -> str:
    """All that a request may find there: the tenants as they are now, and the faults."""
    plain = (str, int, bool, dict, tuple, type(None))
    tenants = [
        (
            {name: value for name, value in vars(tenant).items() if isinstance(value, plain)},
            tenant.companies.snapshot(),
            (tenant.budget.limit, tenant.budget.used // 1000),
        )
        for tenant in simulator.tenants.values()
    ]
    return repr((tenants, simulator.faults.all()))


def _once(what: str, owner: User, simulator: Simulator, do: Callable[[], object]) -> None:
    """Have it done, over HTTP the first time (tests/support/remembered.py)."""
    done(f"{what} with {_served_by(simulator)}", owner, host_of(simulator), do)


def details_of(**changes: Any) -> ConnectionDetails:
    """What the connection form would hold for the usual tenant, with some things otherwise."""
    values: dict[str, Any] = {
        "psa": "autotask",
        "name": "Main",
        "username": USERNAME,
        "secrets": {"secret": SECRET, "tracking_identifier": TRACKING_IDENTIFIER},
    }
    return ConnectionDetails(**(values | changes))


def actor_of(user: User) -> Actor:
    """This person at a fixed address."""
    return Actor(user.get_username(), "192.0.2.7", user)


def connect(user: User, **changes: Any) -> IntegrationInstance:
    """A configuration, connected as the connection form does it."""
    outcome = connect_instance(Batch(actor_of(user)), details_of(**changes))
    assert outcome.instance is not None, outcome.report.steps
    return outcome.instance


def refresh(instance: IntegrationInstance, **options: bool) -> Job:
    """Refresh Options as a worker does it; the job as it ended."""
    job, created = jobs.open_job(Job.Kind.REFRESH_OPTIONS, instance, None, dict(options))
    assert created, f"{job} was open already"
    tasks.do_job(job.key)
    job.refresh_from_db()
    return job


def refresh_to_the_end(instance: IntegrationInstance) -> None:
    """Refresh Options, of which nothing must fail."""
    job = refresh(instance)
    assert job.state == Job.State.DONE, job.error


def make_organization(name: str, **values: Any) -> Organization:
    """One organization."""
    return Organization.objects.create(name=name, **values)


def company_of(instance: IntegrationInstance, remote_id: int) -> Company:
    """The stored copy of a company."""
    return instance.companies.get(remote_id=str(remote_id))


def map_to(
    user: User,
    instance: IntegrationInstance,
    organization: Organization,
    remote_id: int,
    *,
    moves: bool = False,
) -> OrganizationMapping:
    """Map an organization as a person does: choose, then save."""
    proposals.choose_company(user, instance, organization, company_of(instance, remote_id), moves=moves)
    outcome = mappings.save_mappings(Batch(actor_of(user)), user, instance)
    assert not outcome.conflicts
    return OrganizationMapping.objects.get(organization=organization, psa=instance.psa)


def table_contents(*models: Any) -> dict[str, list[dict[str, Any]]]:
    """Every row of the models, for "nothing changed"."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def everything_stored() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table but the sessions: those hold how far a sign-in has come."""
    return table_contents(*(model for model in apps.get_models() if model is not BrowserSession))


# --- fixtures (tests/conftest.py names them) --------------------------------------------------------


@pytest.fixture
def no_request_in_a_transaction(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fails the test when a request is sent by a thread that is inside a transaction.

    Gives the requests that were caught, so that the check itself can be tested.
    """
    # The test's own thread stands inside the transaction that rolls the test back; a thread of the client
    # has a database connection of its own.
    own_thread, own_depth = threading.get_ident(), len(connection.atomic_blocks)
    caught: list[str] = []
    send = http.client.HTTPConnection.putrequest

    def checked(self: http.client.HTTPConnection, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        allowed = own_depth if threading.get_ident() == own_thread else 0
        if len(connection.atomic_blocks) > allowed:
            caught.append(f"{method} {url}")
        send(self, method, url, *args, **kwargs)

    monkeypatch.setattr(http.client.HTTPConnection, "putrequest", checked)
    yield caught
    assert not caught, f"sent inside a transaction: {caught}"


@pytest.fixture
def tenant() -> Tenant:
    """The usual tenant."""
    return make_tenant()


@pytest.fixture
def simulator(
    tenant: Tenant,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    no_request_in_a_transaction: list[str],
) -> Iterator[Simulator]:
    """A running Autotask with the usual tenant and a second one, which the portal's settings name."""
    second = make_tenant(
        username=SECOND_USERNAME,
        secret=SECOND_SECRET,
        database_id=700001,
        companies=[
            {"id": 0, "companyName": "Southwind Managed IT", "companyType": 8},
            {"id": 301, "companyName": "Abbott Dental", "city": "Dayton"},
            {"id": 302, "companyName": "Marlowe Printing", "city": "Lima"},
        ],
    )
    monkeypatch.setitem(PROVIDERS, "autotask", ImpatientAutotask())
    with Simulator([tenant, second]) as running:
        settings.AUTOTASK_EXTRA_HOSTS = [host_of(running)]
        settings.AUTOTASK_DISCOVERY_URL = running.base_url
        yield running


@pytest.fixture
def instance(simulator: Simulator, owner: User) -> IntegrationInstance:
    """A connected configuration whose companies were not read yet."""
    _once("connect", owner, simulator, lambda: connect(owner))
    return IntegrationInstance.objects.get(username=USERNAME)


@pytest.fixture
def refreshed(simulator: Simulator, owner: User, instance: IntegrationInstance) -> IntegrationInstance:
    """A connected configuration with its companies."""
    _once("refresh", owner, simulator, lambda: refresh_to_the_end(instance))
    instance.refresh_from_db()
    return instance


@pytest.fixture
def second(simulator: Simulator, owner: User, refreshed: IntegrationInstance) -> IntegrationInstance:
    """A second configuration, of another tenant, with its companies."""

    def add() -> None:
        other = connect(
            owner,
            name="Second",
            username=SECOND_USERNAME,
            secrets={"secret": SECOND_SECRET, "tracking_identifier": TRACKING_IDENTIFIER},
        )
        refresh_to_the_end(other)

    _once("second", owner, simulator, add)
    return IntegrationInstance.objects.get(username=SECOND_USERNAME)


@pytest.fixture
def organizations(db: None) -> dict[str, Organization]:
    """Six organizations by the first word of their names; the first four have a company each."""
    names = (
        "Abbott Dental Care",
        "Birchwood Veterinary Clinic",
        "Calloway and Sons Roofing",
        "Dunmore Freight Lines",
        "Quillfeather Bookshop",
        "Zephyr Balloon Tours",
    )
    return {name.split()[0]: make_organization(name) for name in names}
