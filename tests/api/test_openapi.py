"""The committed description is the true one, and the API does what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from django.urls import reverse
from schemathesis.config import SchemathesisConfig

from integrations.api.description import openapi_text
from tests.api.conftest import Programs, World

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
EXAMPLES = 12  # an operation; the seed is fixed


def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi_text())
    return found


def test_the_committed_description_is_the_generated_one() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == openapi_text(), (
        "Write it anew: manage.py shell -v 0 -c 'from integrations.api.description import openapi_text; "
        'print(openapi_text(), end="")\' > docs/openapi.json'
    )


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


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """A request's end closes the connection and the test's transaction; Django's client prevents it too."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


OPERATIONS = sorted(described()["paths"])


@pytest.mark.usefixtures("_one_connection")
@pytest.mark.parametrize("path", OPERATIONS)
def test_the_api_does_what_its_description_says(path: str, program: Programs, world: World) -> None:
    """Generated requests, good and bad: statuses, types, shapes, refusals and authentication all agree."""
    schema = schemathesis.openapi.from_dict(described(), config=SchemathesisConfig())
    schema.app = get_wsgi_application()
    operation = schema[path]["GET"]
    headers = {"Authorization": f"Bearer {program().plain}"}
    strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
    broken = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

    @hypothesis.seed(20261123)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=strategy | broken if operation.query or operation.path_parameters else strategy)
    def agree(case: Any) -> None:
        case.call_and_validate(headers=headers)

    agree()
