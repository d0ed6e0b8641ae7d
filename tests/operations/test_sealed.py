"""The register of all that is sealed: complete, and asked by probes and restores."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection
from django.test import Client

from integrations import crypto
from integrations.models import IntegrationInstance, Webhook
from integrations.services.operations.sealed import sealed_places, try_keys
from tests.conftest import make_user
from tests.support.processes import ROOT
from tests.support.rows import make_instance

# Whoever seals, and by what the register knows of it; checks.py tries the ring on a value of its own.
SEALERS = {
    "integrations/fields.py": {"credentials", "address", "secret"},
    "integrations/models/seeds.py": {"data"},
    "portal/sessions.py": {"session_data"},
    "integrations/checks.py": set(),
}


def query(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def opened() -> dict[str, tuple[int, int]]:
    found = try_keys(query, connection.introspection.table_names())
    return {each.name: (each.all, each.closed) for each in found}


def test_nothing_is_sealed_that_the_register_does_not_know() -> None:
    sealers = {
        str(path.relative_to(ROOT))
        for folder in ("integrations", "portal")
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts and re.search(r"\bcrypto\.seal\(", path.read_text(encoding="utf-8"))
    }
    assert sealers == set(SEALERS)
    assert {place.column for place in sealed_places()} == set().union(*SEALERS.values())


@pytest.mark.django_db
def test_a_key_that_opens_nothing_is_told_for_every_kind_of_secret(client: Client, settings: Any) -> None:
    """Also where there is no configuration, whose credentials alone were tried."""
    person = make_user("tessa")
    TOTP.activate(person, "ABCDEFGHIJKLMNOP")
    webhook = Webhook(name="Desk")
    webhook.secret = {"key": "hook-key"}
    webhook.move_to("https://desk.example/hooks/T0/B1")
    webhook.save()
    Client().force_login(person)
    kinds = {"webhooks: address": 1, "webhooks: secret": 1, "second factors": 1, "sign-ins that last": 1}
    assert opened() == {name: (count, 0) for name, count in kinds.items()}
    assert client.get("/readyz/web").json()["checks"]["keys"] == "ok"

    settings.PORTAL_ENCRYPTION_KEYS = [crypto.new_key()]
    assert opened() == {name: (count, count) for name, count in kinds.items()}
    told = client.get("/readyz/web").json()["checks"]["keys"]
    assert "second factors" in told
    assert "webhooks: address" in told
    assert "sign-ins" not in told  # they end by themselves, and somebody has to be able to sign in


@pytest.mark.django_db
def test_one_damaged_value_is_no_other_key(client: Client) -> None:
    first = make_instance("First")
    make_instance("Second")
    IntegrationInstance.objects.filter(pk=first.pk).update(credentials="gAAAAdamaged")
    assert client.get("/readyz/web").json()["checks"]["keys"] == "ok"
    ((_, closed),) = opened().values()
    assert closed == 1
