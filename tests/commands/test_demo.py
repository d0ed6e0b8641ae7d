"""``prepare`` and ``load_demo``: safe to repeat, and what they leave behind."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse

from integrations.models import Organization
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import load_tenants
from portal.demo_access import context, demo_access
from tests.support.simulated import connect, refresh

SMALL = {"organizations": 30, "companies": 60}


def load_demo(**options: int) -> str:
    out = io.StringIO()
    call_command("load_demo", stdout=out, **(SMALL | options))
    return out.getvalue()


@pytest.fixture
def data(settings: Any, tmp_path: Path) -> Path:
    """The folder that the demo is written to."""
    settings.DATA_DIR = tmp_path
    return tmp_path


def printed(text: str, label: str) -> list[str]:
    """The values that stand behind a label, as a person copies them from the screen."""
    return [line.split(label)[1].strip() for line in text.splitlines() if label in line]


def test_what_it_prints_is_enough_to_sign_in_and_to_connect(
    data: Path, simulator: Simulator, settings: Any, owner: User
) -> None:
    text = load_demo()
    assert Organization.objects.count() == 30
    (password,) = printed(text, "Sign in with user name demo and password")
    person = authenticate(username="demo", password=password)
    assert isinstance(person, User)
    assert person.is_superuser

    tenants = load_tenants(data / "demo" / "tenants.json")
    assert len(tenants) == 2
    assert len({tenant.database_id for tenant in tenants}) == 2
    assert len(tenants[0].companies.snapshot().ids) == 60
    with Simulator(tenants) as served:
        settings.AUTOTASK_EXTRA_HOSTS = [served.base_url.removeprefix("http://")]
        settings.AUTOTASK_DISCOVERY_URL = served.base_url
        instance = connect(
            owner,
            username=printed(text, "API Username")[0],
            secrets={
                "secret": printed(text, "API User Password")[0],
                "tracking_identifier": printed(text, "API Tracking Identifier")[0],
            },
        )
        assert refresh(instance).error == ""
    assert instance.companies.count() == 60


def test_pages_on_this_machine_show_what_was_printed(data: Path, db: None, rf: RequestFactory) -> None:
    assert demo_access() is None
    text = load_demo()
    shown = context(rf.get("/", REMOTE_ADDR="::1"))["demo_access"]
    assert shown.password in text
    assert [tenant.username for tenant in shown.tenants] == printed(text, "API Username")
    assert [tenant.secret for tenant in shown.tenants] == printed(text, "API User Password")
    page = render_to_string("account/login.html", {"demo_access": shown}, rf.get("/"))
    assert all(secret in page for secret in (shown.password, *(each.secret for each in shown.tenants)))
    assert shown.password not in repr(shown._wrapped)
    assert text.rstrip().splitlines()[-1].startswith("Sign in with")


@pytest.mark.parametrize("address", ["10.0.0.7", "203.0.113.9", "2001:db8::1", "", "unix:"])
def test_other_machines_are_shown_nothing(address: str, rf: RequestFactory) -> None:
    assert context(rf.get("/", REMOTE_ADDR=address)) == {"demo_access": None}


def test_pages_outside_the_demo_know_nothing_of_it(client: Client, data: Path, db: None) -> None:
    load_demo()
    response = client.get(reverse("account_login"))
    assert "demo_access" not in response.context
    assert "This is the demo" not in response.content.decode()


def test_a_second_run_keeps_everything(data: Path, db: None) -> None:
    first = load_demo()
    Organization.objects.filter(pk=Organization.objects.order_by("pk")[0].pk).update(name="Renamed by hand")
    files = {path: path.read_bytes() for path in (data / "demo").iterdir()}
    assert load_demo(organizations=99) == first
    assert Organization.objects.count() == 30
    assert Organization.objects.filter(name="Renamed by hand").exists()
    assert {path: path.read_bytes() for path in (data / "demo").iterdir()} == files


def test_a_lost_database_gets_its_organizations_and_a_new_password(data: Path, db: None) -> None:
    first = load_demo()
    Organization.objects.all().delete()
    User.objects.all().delete()
    second = load_demo()
    assert Organization.objects.count() == 30
    passwords = [printed(text, "and password")[0] for text in (first, second)]
    assert passwords[0] != passwords[1]
    assert authenticate(username="demo", password=passwords[1])
    assert printed(first, "API User Password") == printed(second, "API User Password")


def test_only_the_owner_may_read_the_files_and_every_demo_has_secrets_of_its_own(
    data: Path, db: None, settings: Any, tmp_path: Path
) -> None:
    load_demo()
    for path in (data / "demo").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    settings.DATA_DIR = tmp_path / "another"
    load_demo()
    one, other = (
        json.loads((folder / "demo" / "tenants.json").read_text(encoding="utf-8"))
        for folder in (data, tmp_path / "another")
    )
    assert one[0]["username"] == other[0]["username"]
    assert one[0]["secret"] != other[0]["secret"]


def test_sample_data_does_not_belong_into_production(data: Path, db: None, settings: Any) -> None:
    settings.IN_PRODUCTION = True
    with pytest.raises(CommandError, match="does not belong into production"):
        load_demo()
    assert not Organization.objects.exists()
    assert not (data / "demo").exists()


def test_prepare_changes_nothing_when_all_is_done(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    """That it makes a database where there is none is part of the test of ``serve``."""
    call_command("prepare")
    out = capsys.readouterr().out
    assert "No migrations to apply." in out
    assert "Cache table 'portal_cache' already exists." in out


def test_prepare_collects_static_files_in_production_only(db: None, settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    call_command("prepare", verbosity=0)
    assert not settings.STATIC_ROOT.exists()
    settings.IN_PRODUCTION = True
    call_command("prepare", verbosity=0)
    assert (settings.STATIC_ROOT / "css" / "portal.css").is_file()
