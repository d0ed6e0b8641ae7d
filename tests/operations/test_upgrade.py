"""The release before goes on working on the schema of now, while machines are upgraded one by one."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from portal.static_files import StaticFilesMiddleware
from tests.support.migrated import give_tables
from tests.support.portal import SETTINGS, database_of_its_own
from tests.support.processes import ROOT

pytestmark = [pytest.mark.process, pytest.mark.large]
# The commit of the release before, from which people upgrade. At a release, its own takes this place.
RELEASED = Path(__file__).with_name("released.txt")
# What that release does all day: people map, workers say that they are there, jobs are made.
WRITES = """
import django; django.setup()
from django.contrib.auth.models import User
from django.test import Client
from integrations import tasks
from integrations.services.audit import Batch
from integrations.services.history import undo_batch
from integrations.services.jobs import record_heartbeat
from integrations.services.mapping import save_mappings
from integrations.services.mapping.proposals import choose_company
from tests.support.rows import make_company, make_instance
from tests.support.simulated import actor_of, make_organization
user = User.objects.create_superuser("old", "old@example.com", "a long pass phrase")
instance, organization = make_instance("Old"), make_organization("Organization")
choose_company(user, instance, organization, make_company(instance, 1, "Company"), moves=True)
saved = save_mappings(Batch(actor_of(user)), user, instance)
assert saved.saved == 1
undo_batch(actor_of(user), saved.batch)
tasks.enqueue_refresh(instance, user)
tasks.enqueue_suggestions(instance, user)
record_heartbeat("old:1")
client = Client()
client.force_login(user)
for path in ("/", "/organizations/", "/history/", "/jobs/", instance.get_absolute_url()):
    assert client.get(path, headers={"host": "localhost"}).status_code == 200, path
added = client.post("/organizations/add/", {"name": "Added"}, headers={"host": "localhost"})
assert added.status_code in (200, 302)
print("all written")
"""


def release_before(folder: Path) -> Path:
    """The code of the release before; skips where git does not have it, but not with ``CI=true``."""
    commit = RELEASED.read_text(encoding="utf-8").strip()
    found = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if found.returncode != 0:
        reason = f"git does not have the commit {commit} of the release before"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_release_before_writes_on_the_schema_of_now(kind: str, tmp_path: Path) -> None:
    old = release_before(tmp_path / "old")
    with database_of_its_own(kind, tmp_path / "database") as database:
        give_tables(database.url)
        environment = {
            **os.environ, **SETTINGS, "DJANGO_SETTINGS_MODULE": "tests.support.settings",
            "DATABASE_URL": database.url, "PORTAL_DATA_DIR": str(tmp_path), "PYTHONPATH": str(old),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", WRITES], cwd=old, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "all written"


def test_files_of_a_version_that_comes_are_served_by_one_that_runs(
    db: None, tmp_path: Path, settings: Any
) -> None:
    """``prepare`` has run; this process began before it."""
    settings.STATIC_ROOT, settings.WHITENOISE_AUTOREFRESH = tmp_path / "static", False
    settings.STATIC_ROOT.mkdir()
    (tmp_path / "secret.txt").write_text("not for visitors")
    answer = StaticFilesMiddleware(lambda request: HttpResponse(status=404))
    (settings.STATIC_ROOT / "portal.0123456789ab.css").write_text("body {}")
    found = answer(RequestFactory().get("/static/portal.0123456789ab.css"))
    assert found.status_code == 200
    assert b"".join(found.streaming_content) == b"body {}"
    found.close()
    for path in ("/static/missing.css", "/static/../secret.txt", "/static/%2e%2e/secret.txt"):
        assert answer(RequestFactory().get(path)).status_code == 404
