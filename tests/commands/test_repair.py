"""The commands that save suggestions, rotate keys and unlock sign-ins."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from integrations.models import AuditEvent, IntegrationInstance, OrganizationMapping, Webhook
from integrations.services.history import undo as undoing
from tests.conftest import make_user
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import actor_of, make_organization, table_contents

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str, int]:
    """What a command printed on its two streams, and how it ended."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}{error}", error.returncode
    return out.getvalue(), err.getvalue(), 0


# --- suggest_mappings --apply ---------------------------------------------------------------------------


@pytest.fixture
def suggested() -> IntegrationInstance:
    """A configuration in which one organization is sure, one open, one mapped."""
    main = make_instance("Main")
    for number, name in enumerate(("Abbott Dental Care LLC", "Birchwood Veterinary Clinic", "Zenith")):
        make_company(main, 100 + number, name, city="Dayton")
    make_organization("Abbott Dental Care", city="Dayton")
    make_organization("Quillfeather Bookshop")
    make_mapping(make_organization("Zenith"), main.companies.get(name="Zenith"))
    return main


def test_sure_suggestions_are_saved_and_can_be_undone(suggested: IntegrationInstance, member: User) -> None:
    before = table_contents(OrganizationMapping, AuditEvent)
    out, _, code = run("suggest_mappings", "--instance", "Main")
    assert (code, "Nothing was saved." in out) == (0, True)
    assert table_contents(OrganizationMapping, AuditEvent) == before

    out, err, code = run("suggest_mappings", "--instance", "Main", "--apply", "--format", "json")

    assert code == 0
    assert len(json.loads(out)) == 2
    event = AuditEvent.objects.get()
    assert f"1 saved; batch {event.batch} can be undone." in err
    assert (event.origin, event.target_name) == ("command suggest_mappings", "Abbott Dental Care")
    mapping = OrganizationMapping.objects.get(organization__name="Abbott Dental Care")
    assert (mapping.source, mapping.company.remote_id, mapping.confirmed_by) == ("suggested", "100", None)
    assert mapping.confidence
    assert mapping.reasons
    assert undoing.undo_batch(actor_of(member), event.batch).restored == 1
    assert "1 saved" in run("suggest_mappings", "--instance", "Main", "--apply")[0]  # over the removed row
    assert mapping.organization.mappings.present().get().version == 3
    assert "no suggestion is sure" in run("suggest_mappings", "--instance", "Main", "--apply")[0]


def test_what_somebody_took_meanwhile_is_left(
    suggested: IntegrationInstance, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from integrations.services import suggestions  # the command calls the face

    real = suggestions.suggest_mappings

    def slowly(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        make_mapping(make_organization("Faster"), suggested.companies.get(remote_id="100"))
        return found

    monkeypatch.setattr(suggestions, "suggest_mappings", slowly)
    out, _, _ = run("suggest_mappings", "--instance", "Main", "--apply")
    assert "Nothing was saved" in out
    assert not AuditEvent.objects.exists()


def test_files_are_never_applied(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name).write_text("id,name\n1,A\n")
    files = ("--organizations", str(tmp_path / "ours"), "--companies", str(tmp_path / "theirs"))
    assert run("suggest_mappings", *files, "--apply")[2] == 2


# --- rotate_encryption_keys -----------------------------------------------------------------------------


def key(sign: str) -> str:
    return base64.urlsafe_b64encode(sign.encode() * 32).decode()


def test_secrets_move_to_the_first_key(settings: Any) -> None:
    settings.PORTAL_ENCRYPTION_KEYS = [key("a")]
    main = make_instance("Main")
    webhook = Webhook(name="Desk")
    webhook.move_to("https://desk.example/hooks/T0/B1")
    webhook.secret = {"key": "hook-key"}
    webhook.save()
    person = make_user("tessa")
    totp, codes = TOTP.activate(person, "ABCDEFGHIJKLMNOP"), RecoveryCodes.activate(person)
    listed = codes.generate_codes()
    browser = Client()
    browser.force_login(person)
    settings.PORTAL_ENCRYPTION_KEYS = [key("b"), key("a")]
    new = make_instance("New")
    before = table_contents(IntegrationInstance, Webhook, AuditEvent)
    out, _, code = run("rotate_encryption_keys", "--dry-run", "--format", "json")
    assert (json.loads(out), code) == ([{"rotated": 6, "current": 1, "unreadable": []}], 0)
    assert table_contents(IntegrationInstance, Webhook, AuditEvent) == before

    assert run("rotate_encryption_keys")[2] == 0

    settings.PORTAL_ENCRYPTION_KEYS = [key("b")]
    for row in (main, new, webhook):
        row.refresh_from_db()
    assert main.credentials.reveal()["secret"] == "never sent"
    assert new.credentials.reveal()["secret"] == "never sent"
    assert webhook.secret.reveal() == {"key": "hook-key"}
    assert webhook.address.reveal() == {"url": "https://desk.example/hooks/T0/B1"}
    for factor in (totp, codes):
        factor.instance.refresh_from_db()
    assert decrypt(totp.instance.data["secret"]) == "ABCDEFGHIJKLMNOP"
    assert codes.generate_codes() == listed
    assert browser.session["_auth_user_id"] == str(person.pk)
    event = AuditEvent.objects.get()
    assert (event.action, event.after) == (
        "encryption keys rotated", {"rotated": 6, "current": 1, "unreadable": []},
    )  # fmt: skip
    assert json.loads(run("rotate_encryption_keys", "--format", "json")[0])[0]["rotated"] == 0
    assert AuditEvent.objects.count() == 1


def test_what_no_key_opens_is_named_and_stays(settings: Any) -> None:
    settings.PORTAL_ENCRYPTION_KEYS = [key("a")]
    make_instance("Main")
    settings.PORTAL_ENCRYPTION_KEYS = [key("b")]
    before = table_contents(IntegrationInstance)
    out, err, code = run("rotate_encryption_keys")
    assert code == 1
    assert "Main" in out
    assert "Keep the old keys" in err
    assert table_contents(IntegrationInstance) == before


def test_a_secret_that_is_replaced_meanwhile_is_left(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from integrations import crypto

    settings.PORTAL_ENCRYPTION_KEYS = [key("a")]
    main = make_instance("Main")
    settings.PORTAL_ENCRYPTION_KEYS = [key("b"), key("a")]
    real = crypto.rotate

    def slowly(token: str) -> str:
        main.credentials = {"secret": "fresh"}
        main.save()
        return real(token)

    monkeypatch.setattr(crypto, "rotate", slowly)
    assert json.loads(run("rotate_encryption_keys", "--format", "json")[0])[0]["rotated"] == 0
    main.refresh_from_db()
    assert main.credentials.reveal() == {"secret": "fresh"}


# --- unlock_login ---------------------------------------------------------------------------------------


def sign_in(name: str, password: str, address: str = "192.0.2.1", host: str = "localhost") -> Any:
    return Client().post(
        reverse("account_login"),
        {"login": name, "password": password},
        REMOTE_ADDR=address,
        headers={"Host": host},
    )


def test_a_locked_sign_in_is_unlocked_and_only_that_one(member: User, reader: User) -> None:
    cache.clear()
    for host in ("localhost", "127.0.0.1", "localhost:99", "localhost"):
        sign_in("marcus", "wrong", "192.0.2.50", host)
        sign_in("rita", "wrong", "192.0.2.52")
    right = "a long pass phrase"
    assert sign_in("marcus", right, "192.0.2.50").status_code != 302
    out, _, code = run("unlock_login", "Marcus")
    assert (out, code) == ("3 failed sign-ins of Marcus forgotten.\n", 0)
    assert sign_in("marcus", right, "192.0.2.50").status_code == 302
    assert sign_in("rita", right, "192.0.2.52").status_code != 302
    event = AuditEvent.objects.get()
    assert (event.action, event.target_name) == ("sign-in unlocked", "marcus")
    assert run("unlock_login", "nobody")[2] == 2
    cache.clear()


def test_only_what_still_counts_is_forgotten_and_the_limit_of_an_address_stays(member: User) -> None:
    cache.clear()
    with time_machine.travel("2026-03-04 12:00:00Z", tick=False) as clock:
        for number in range(2):
            sign_in("MARCUS", "wrong", f"192.0.2.{number}")
        clock.shift(dt.timedelta(minutes=61))
        for number in range(10):
            sign_in("marcus" if number == 0 else f"nobody{number}", "wrong", "192.0.2.9")
        assert run("unlock_login", "marcus")[0] == "1 failed sign-in of marcus forgotten.\n"
        assert run("unlock_login", "marcus")[0] == "0 failed sign-ins of marcus forgotten.\n"
        assert sign_in("marcus", "a long pass phrase", "192.0.2.9").status_code != 302
        assert sign_in("marcus", "a long pass phrase", "192.0.2.10").status_code == 302
    cache.clear()


# --- the files ----------------------------------------------------------------------------------------------


def test_import_mappings_ends_with_what_happened(tmp_path: Path) -> None:
    make_company(make_instance("Main"), 101, "Abbott")
    make_organization("Alpha")
    path = tmp_path / "list.csv"
    path.write_text("name,company_id\nAlpha,101\nNobody,101\n")
    assert run("import_mappings", str(path), "--instance", "Nowhere")[2] == 2
    assert run("import_mappings", str(tmp_path / "none.csv"))[2] == 2
    out, err, code = run("import_mappings", str(path), "--instance", "main", "--format", "csv")
    assert code == 1
    assert "2,imported,Alpha," in out
    assert "3,failed,Nobody,no organization has this name" in out
    assert "Nothing was written" in err
    assert not OrganizationMapping.objects.exists()
    out, _, code = run("import_mappings", str(path), "--instance", "main", "--keep-good", "--dry-run")
    assert (code, "Would be imported 1" in out) == (1, True)
    assert not OrganizationMapping.objects.exists()
    document = json.loads(
        run("import_mappings", str(path), "--instance", "main", "--keep-good", "--format", "json")[0]
    )
    assert document["counts"] == {"imported": 1, "updated": 0, "skipped": 0, "failed": 1}
    assert AuditEvent.objects.get().batch.hex == document["batch"].replace("-", "")


def test_export_organizations_makes_formulas_harmless_in_csv_only() -> None:
    key = make_organization("=SUM(A1)", phone="+1 614-555-0100").key
    out, err, code = run("export_organizations")
    assert code == 0
    assert out == (
        "portal_key,name,external_id,domain,phone,city,state,postal_code,active,identifiers\n"
        f"{key},'=SUM(A1),,,'+1 614-555-0100,,,,yes,\n"
    )
    assert err == "1 organization exported.\n"
    assert json.loads(run("export_organizations", "--format", "json")[0])[0]["name"] == "=SUM(A1)"
