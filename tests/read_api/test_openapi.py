"""The committed description is the true one, and the API does what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from django.urls import reverse
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection

from integrations.api.description import openapi_text
from integrations.api.problems import title_of
from tests.read_api.conftest import Programs, World

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
EXAMPLES = 40  # an operation, beside the boundaries of its parameters; the same ones each time


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


SCHEMA = schemathesis.openapi.from_dict(described(), config=SchemathesisConfig())
SCHEMA.app = get_wsgi_application()


@pytest.fixture
def authorization(program: Programs, world: World) -> dict[str, str]:
    """What a program with every right sends, in a portal with something to ask for."""
    return {"Authorization": f"Bearer {program().plain}"}


@pytest.mark.usefixtures("_one_connection")
@SCHEMA.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_the_api_does_what_its_description_says(case: Any, authorization: dict[str, str]) -> None:
    """Examples, each boundary of each parameter, and generated requests, good and bad.

    Statuses, types, shapes, refusals and authentication all agree with the description.
    """
    cache.clear()  # it tries wrong tokens by the dozen, and guessing is limited
    # An unknown parameter whose value is an empty list or object leaves no trace in the address.
    left_out = any(value in ([], {}) for value in (case.query or {}).values())
    excluded = [negative_data_rejection] if left_out else []
    case.call_and_validate(headers=authorization, excluded_checks=excluded)
