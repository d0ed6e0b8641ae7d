"""Who the tests act as, and the browser of each."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.db import connections
from django.test import Client, TransactionTestCase
from hypothesis import core as hypothesis_core
from hypothesis.vendor.pretty import RepresentationPrinter

from integrations.models import Company, IntegrationInstance
from tests.support import properties  # noqa: F401  # the profiles, before an option chooses another
from tests.support.admin_rows import desk, sample_rows, superuser  # noqa: F401  # fixtures
from tests.support.append_only import let_tests_empty_the_audit
from tests.support.migrated import migrated_database, migrated_memory
from tests.support.rows import make_company, make_instance
from tests.support.simulated import (  # noqa: F401  # fixtures
    instance,
    no_request_in_a_transaction,
    organizations,
    refreshed,
    second,
    simulator,
    tenant,
)

NOT_QUICK = ("process", "journey", "third_party", "large", "exhaustive")  # make unit leaves them out

let_tests_empty_the_audit()
# Schemathesis puts a printer of its own there, which leaves out the values of every failing example.
hypothesis_core.RepresentationPrinter = RepresentationPrinter  # type: ignore[attr-defined]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many as there are processors (``-n logical``), or half as many again where tests wait for others.

    Those are processes and browsers; every worker more collects the tests once more.
    """
    processors = os.cpu_count() or 1
    return processors if config.option.numprocesses == "logical" else processors * 3 // 2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks the database of this run, which is worth repeating on another kind of database.

    Tests that start processes give each a database of its own, or none.
    """
    for item in items:
        fixtures, class_ = set(getattr(item, "fixturenames", ())), getattr(item, "cls", None)
        asks = (
            item.get_closest_marker("django_db")
            or fixtures & {"db", "transactional_db", "live_server", "django_db_setup"}
            or (class_ is not None and issubclass(class_, TransactionTestCase))
        )
        if asks and not item.get_closest_marker("process"):
            item.add_marker("database")
    for item in between(items):
        item.add_marker("exhaustive")


def between(items: list[pytest.Item]) -> list[pytest.Item]:
    """The cases of each test but its first and its last, which differ in most of what its cases differ in."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return [item for of_one in cases.values() for item in of_one[1:-1]]


@pytest.hookimpl(specname="pytest_collection_modifyitems", trylast=True)
def put_long_tests_first(items: list[pytest.Item]) -> None:
    """When those that are not asked for are gone, and the others stand in their order."""
    items[:] = long_first(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def long_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The tests in an order in which each worker begins with its share of the long ones.

    One of them that comes last keeps a worker busy while the others have nothing left to do. Worksteal deals
    the tests in as many pieces as there are workers, one behind the other.
    """
    long = [item for item in items if item.get_closest_marker("long")]
    others = iter([item for item in items if not item.get_closest_marker("long")])
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        piece = (len(items) - len(ordered)) // (workers - worker)
        begin = long[workers - 1 - worker :: workers]  # the last piece is the largest
        ordered += [*begin, *islice(others, piece - len(begin))]
    return ordered


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """A test that waits for a process says so by a marker, or the quick tests would not stay quick."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    if resource.getrusage(resource.RUSAGE_CHILDREN) != before:
        assert any(item.get_closest_marker(name) for name in NOT_QUICK), "mark it: @pytest.mark.process"


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: the garbage collector need not look through it each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def common_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run of the tests have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, common_folder: Path) -> Iterator[None]:
    """The tests' database begins as a copy of one that was migrated already; it is made after this."""
    database = connections["default"]
    if database.vendor == "postgresql":
        with migrated_database(os.environ["DATABASE_URL"], common_folder) as template:
            database.settings_dict["TEST"]["TEMPLATE"] = template
            yield
    else:
        with migrated_memory():
            yield


def make_user(name: str, *groups: str) -> User:
    """A person in the given roles (the groups that a migration makes)."""
    user = User.objects.create_user(name, f"{name}@example.com", "a long pass phrase")
    user.groups.add(*[Group.objects.get(name=group) for group in groups])
    return user


@pytest.fixture
def owner(db: None) -> User:
    """May do everything but the admin."""
    return make_user("olivia", "Owners")


@pytest.fixture
def member(db: None) -> User:
    """May map and edit organizations, not configurations."""
    return make_user("marcus", "Members")


@pytest.fixture
def reader(db: None) -> User:
    """May look."""
    return make_user("rita", "Readers")


@pytest.fixture
def stranger(db: None) -> User:
    """Signed in, without any role."""
    return make_user("stefan")


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """The browser of a person who is signed in."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def main(db: None) -> IntegrationInstance:
    """The default configuration, for which nothing was read. Tests of more have their own."""
    return make_instance("Main", is_default=True)


@pytest.fixture
def other(db: None) -> IntegrationInstance:
    """Another configuration."""
    return make_instance("Other")


@pytest.fixture
def abbott(main: IntegrationInstance) -> Company:
    """A company of the default configuration."""
    return make_company(main, 101, "Abbott Dental Care, LLC")


@pytest.fixture
def birchwood(main: IntegrationInstance) -> Company:
    """Another company of it."""
    return make_company(main, 102, "Birchwood Veterinary Clinic")
