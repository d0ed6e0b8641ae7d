"""What docs/api.md shows works as it is printed."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path
from socketserver import StreamRequestHandler
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import WebhookVerificationError

from integrations.models import Company, Organization, OrganizationMapping, Right
from integrations.services.webhooks.keys import new_key, signature_headers
from tests.read_api.conftest import Programs, make_instance

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"
CLIENT, CHECK = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
MANY = 1_000


def run_client(url: str, token: str, ids: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CLIENT],
        env={"PORTAL_URL": url, "PORTAL_TOKEN": token, "PATH": os.environ["PATH"]},
        input="\n".join(ids), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def _prompt_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test server sends head and body apart; with Nagle's algorithm each answer would take 40 ms."""
    monkeypatch.setattr(StreamRequestHandler, "disable_nagle_algorithm", True)


@pytest.mark.large
@pytest.mark.long
@pytest.mark.usefixtures("_prompt_server")
@pytest.mark.django_db(transaction=True)
def test_the_client_resolves_a_thousand_organizations(live_server: Any, program: Programs) -> None:
    assert len(CLIENT.strip().splitlines()) <= 30
    main, now = make_instance("Main"), timezone.now()
    organizations = Organization.objects.bulk_create(
        Organization(name=f"Organization {number}", external_id=f"X-{number}") for number in range(MANY)
    )
    companies = Company.objects.bulk_create(
        Company(instance=main, remote_id=str(5000 + number), name=f"Company {number}", seen_at=now)
        for number in range(MANY)
    )
    OrganizationMapping.objects.bulk_create(
        OrganizationMapping(
            organization=organization, psa="autotask", instance=main, company=company, confirmed_at=now
        )
        for organization, company in zip(organizations, companies, strict=True)
    )
    Organization.objects.create(name="Not mapped", external_id="open")
    ids = [f"X-{number}" for number in range(MANY)]
    done = run_client(live_server.url, program(Right.RESOLVE).plain, [*ids, "open", "nobody"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"X-{number}\tMain\t{5000 + number}" for number in range(MANY)]
    assert [line.split("\t")[:2] for line in done.stderr.splitlines()] == [
        ["open", "unmapped"],
        ["nobody", "unknown_organization"],
    ]


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
def test_the_client_says_when_its_token_is_refused(live_server: Any) -> None:
    done = run_client(live_server.url, "aip_wrong_token", ["X-1"])
    assert done.returncode == 1
    assert "token_refused" in done.stderr


def test_the_signature_check_takes_what_the_portal_sends_and_nothing_else() -> None:
    names: dict[str, Any] = {}
    exec(CHECK, names)  # noqa: S102  # our own document
    change_of, now, key = names["change_of"], timezone.now(), new_key()
    headers = signature_headers([key], "1", now, b'{"a": 1}')
    assert change_of(key, headers, b'{"a": 1}') == {"a": 1}
    late = signature_headers([key], "1", now - dt.timedelta(seconds=400), b'{"a": 1}')
    for refused in ((new_key(), headers, b'{"a": 1}'), (key, headers, b'{"a": 2}'), (key, late, b'{"a": 1}')):
        with pytest.raises(WebhookVerificationError):
            change_of(*refused)
