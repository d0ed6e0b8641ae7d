"""The committed description is the true one, says enough, and is there for those who may read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integrations.api.description import openapi_text
from integrations.api.problems import title_of
from integrations.models import WebhookEvent
from tests.read_api.conftest import Programs

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi_text())
    return found


def test_the_committed_description_is_the_generated_one() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == openapi_text(), (
        "Write it anew: manage.py shell -v 0 -c 'from integrations.api.description import openapi_text; "
        'print(openapi_text(), end="")\' > docs/openapi.json'
    )


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (413, "Content Too Large"), (414, "URI Too Long"), (416, "Range Not Satisfiable"),
        (422, "Unprocessable Content"), (418, "Bad Request"), (599, "Internal Server Error"),
    ],
)  # fmt: skip
def test_a_status_has_the_name_that_rfc_9110_gives_it(status: int, title: str) -> None:
    """Not the interpreter's; one without a name counts as the first of its hundred."""
    assert title_of(status) == title


def test_the_description_says_enough() -> None:
    schema = described()
    assert schema["openapi"].startswith("3.1")
    for path, methods in schema["paths"].items():
        assert list(methods) == ["get"], path
        operation = methods["get"]
        assert operation["summary"]
        assert operation["description"]
        assert operation["security"] == [{"BearerToken": []}]
        assert {"200", "304", "401", "403", "422", "429"} <= operation["responses"].keys()


def test_the_description_tells_every_message_of_webhooks() -> None:
    schema = described()
    assert schema["webhooks"].keys() == set(WebhookEvent.values)
    for event in schema["webhooks"].values():
        operation = event["post"]
        named = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
        assert {"id", "type", "timestamp", "changes"} <= schema["components"]["schemas"][named][
            "properties"
        ].keys()
        assert [each["name"] for each in operation["parameters"]] == [
            "webhook-id", "webhook-timestamp", "webhook-signature",
        ]  # fmt: skip


def test_a_program_and_a_person_can_fetch_it(program: Programs, reader: Any, client_of: Any) -> None:
    assert json.loads(program().get("openapi.json").content) == described()
    assert client_of(reader).get("/api/v1/openapi.json").status_code == 200


def test_the_page_lists_every_operation_without_foreign_files(reader: Any, client_of: Any) -> None:
    response = client_of(reader).get(reverse("api:docs"))
    page = response.content.decode()
    for path, methods in described()["paths"].items():
        assert path in page
        assert methods["get"]["summary"] in page
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert "<script>" not in page
    assert "style=" not in page


def test_the_page_is_for_people_who_may_look(stranger: Any, client_of: Any) -> None:
    assert Client().get(reverse("api:docs")).status_code == 302
    assert client_of(stranger).get(reverse("api:docs")).status_code == 404
