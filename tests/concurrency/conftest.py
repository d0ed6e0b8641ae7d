"""A database for each test, once as a SQLite file and once on a PostgreSQL server."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import (
    Database,
    drop_database,
    make_database,
    make_tables,
    postgres_server,
    results,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here starts processes of its own."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker("process")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the rows that people map, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    make_tables(f"sqlite:///{path}")
    results(Database(f"sqlite:///{path}").start("prepare_rows"))
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[tuple[str, str]]:
    """A server, and the name of a database on it with the rows that people map, to be copied."""
    with postgres_server() as server:
        name = f"portal_template_{uuid.uuid4().hex[:8]}"
        url = make_database(server, name)
        make_tables(url)
        results(Database(url).start("prepare_rows"))
        yield server, name
        drop_database(server, name)


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
