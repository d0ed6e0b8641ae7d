"""A database for each test, once as a SQLite file and once on a PostgreSQL server."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Database, drop_database, make_database, make_tables, postgres_server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    make_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[tuple[str, str]]:
    """A server, and the name of a migrated database on it, to be copied."""
    with postgres_server() as server:
        name = f"portal_template_{uuid.uuid4().hex[:8]}"
        make_tables(make_database(server, name))
        yield server, name
        drop_database(server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the portal."""
    if request.param == "sqlite":
        path = tmp_path / "portal.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield Database(f"sqlite:///{path}")
        return
    server, template = request.getfixturevalue("postgres_template")
    name = f"portal_{uuid.uuid4().hex[:8]}"
    yield Database(make_database(server, name, template))
    drop_database(server, name)
