"""What SECURITY.md promises beside the tests of single modules, and that the tests that it names exist."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command, get_commands, load_command_class
from django.test import Client
from django.urls import reverse

from integrations.forms import imports
from integrations.models import IntegrationInstance, Organization
from tests.support.simulated import SECRET, SECRETS, TRACKING_IDENTIFIER, USERNAME

ClientOf = Callable[[User], Client]
ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "a long pass phrase"
SECRET_WORDS = re.compile("secret|password|token|tracking|credential")


def test_every_rule_names_tests_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rules = dict(re.findall(r"^\| (\d+) \|[^|]*\|(.*)\|$", text, re.MULTILINE))
    numbers = list(map(int, rules))
    assert numbers == sorted(set(numbers))
    assert set(numbers) >= set(range(1, 25))
    for number, cell in rules.items():
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", cell)
        assert named, f"rule {number} names no test"
        for path, name in named:
            source = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^def {name}\(", source, re.MULTILINE), f"rule {number}: {path}::{name}"


def test_every_requirement_that_is_met_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "security-asvs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([^|]+) \|[^|]*\|(.*)\|$", text, re.MULTILINE)
    assert len(rows) == len({number for number, *_ in rows}) > 20
    for number, state, cell in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", cell)
        assert state in {"met", "met otherwise", "operator's"}, number
        assert named, number
        for path, name in named:
            source = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^def {name}\(", source, re.MULTILINE), f"{number}: {path}::{name}"


# --- secrets ----------------------------------------------------------------------------------------------


def test_no_command_takes_a_secret_as_an_argument() -> None:
    """Everybody on the machine sees the arguments of a process. The simulator's secret opens nothing real."""
    ours = {name for name, app in get_commands().items() if app == "integrations"} - {"autotask_simulator"}
    assert len(ours) > 15
    for name in ours:
        parser = load_command_class("integrations", name).create_parser("manage.py", name)
        for action in parser._actions:
            words = " ".join([*action.option_strings, action.dest]).lower()
            takes_a_value = action.nargs != 0
            assert not (takes_a_value and SECRET_WORDS.search(words)), (name, words)


def test_secrets_pass_through_no_temporary_file(
    simulator: object, db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither when they come in with an import nor when a form brings them."""
    given = {"Main": {"secret": SECRET, "tracking_identifier": TRACKING_IDENTIFIER}}
    monkeypatch.setenv("PORTAL_IMPORT_SECRETS", json.dumps(given))
    path = tmp_path / "configurations.json"
    path.write_text(json.dumps([{"name": "Main", "username": USERNAME}]))

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise AssertionError("a temporary file was opened")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    call_command("import_configurations", str(path), stdout=io.StringIO(), stderr=io.StringIO())
    assert IntegrationInstance.objects.get().status == "connected"
    assert not any(secret in path.read_text() for secret in SECRETS)


# --- the browser ------------------------------------------------------------------------------------------


def test_pages_over_tls_say_that_it_has_to_stay_so(client: Client, db: None, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    from django.middleware.security import SecurityMiddleware

    assert f"{SecurityMiddleware.__module__}.{SecurityMiddleware.__name__}" in settings.MIDDLEWARE
    response = client.get(reverse("account_login"), secure=True)
    assert response["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert response["Permissions-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert "Strict-Transport-Security" not in client.get(reverse("account_login"))


def sign_in(password: str, address: str = "192.0.2.9") -> Any:
    return Client().post(
        reverse("account_login"), {"login": "marcus", "password": password}, REMOTE_ADDR=address
    )


def test_wrong_passwords_close_the_door(member: User) -> None:
    cache.clear()
    assert sign_in(PASSWORD).status_code == 302
    for _ in range(3):
        assert sign_in("wrong", "192.0.2.20").status_code != 302
    assert sign_in(PASSWORD, "192.0.2.20").status_code != 302, "the right one comes too soon"
    assert sign_in(PASSWORD, "192.0.2.21").status_code == 302, "from elsewhere the door is open"
    cache.clear()


def test_other_sessions_end_when_the_password_changes(member: User, client_of: ClientOf) -> None:
    here, elsewhere = client_of(member), client_of(member)
    home = reverse("integrations:home")
    assert elsewhere.get(home).status_code == 200
    changed = here.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": "Heron-lantern-44", "password2": "Heron-lantern-44"},
    )
    assert changed.status_code == 302
    assert elsewhere.get(home).status_code == 302
    assert "login" in elsewhere.get(home).headers["Location"]


# --- files ------------------------------------------------------------------------------------------------


def test_an_upload_has_a_greatest_size(
    member: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_BYTES", 2_000_000)
    file = SimpleUploadedFile("long.csv", b"name\n" + b"Acme\n" * 400_000)
    response = client_of(member).post("/organizations/upload/", {"file": file, "rows": "all"})
    assert response.status_code == 422
    assert "larger than 2 MB" in response.content.decode()
    assert not Organization.objects.exists()
