"""A database for each test, once as a SQLite file and once on a PostgreSQL server."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import (
    Database,
    drop_database,
    in_common,
    make_database,
    postgres_server,
    results,
)
from tests.support.migrated import copy_migrated_file, migrated_database


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here starts processes of its own."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker("process")


def fill(url: str) -> None:
    """Make the rows that people map: this takes longer than most of the tests."""
    results(Database(url).start("prepare_rows"))


@pytest.fixture(scope="session")
def sqlite_template(common_folder: Path) -> Iterator[Path]:
    """A filled SQLite file, to be copied."""
    path = common_folder / "template.sqlite3"

    def make() -> None:
        copy_migrated_file(path)
        fill(f"sqlite:///{path}")

    with in_common(common_folder / "template.sqlite3.users", make, path.unlink):
        yield path


@pytest.fixture(scope="session")
def postgres_template(common_folder: Path) -> Iterator[tuple[str, str]]:
    """A server, and the name of a filled database on it, to be copied."""
    with postgres_server() as server, migrated_database(server, common_folder) as migrated:
        run = f"{common_folder} {server}".encode()
        name = f"portal_template_{hashlib.sha256(run).hexdigest()[:8]}"

        def make() -> None:
            fill(make_database(server, name, migrated))

        with in_common(common_folder / f"{name}.users", make, lambda: drop_database(server, name)):
            yield server, name


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the portal: three people, two configurations, five organizations."""
    if request.param == "sqlite":
        path = tmp_path / "portal.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        made = Database(f"sqlite:///{path}")
        yield made
        made.end_processes()
        return
    server, template = request.getfixturevalue("postgres_template")
    name = f"portal_{uuid.uuid4().hex[:8]}"
    made = Database(make_database(server, name, template))
    yield made
    made.end_processes()
    drop_database(server, name)
