"""The API does what its description says, whatever is asked.

To make the requests takes a second already while the tests are collected: `make unit` leaves this file out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection

from integrations.models import RequestCount
from tests.read_api.conftest import Programs, World
from tests.read_api.test_openapi import described
from tests.support.properties import examples

EXAMPLES = 40  # an operation, beside the boundaries of its parameters


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
def authorization(program: Programs, sample_rows: World) -> dict[str, str]:
    """What a program with every right sends, in a portal with something to ask for."""
    return {"Authorization": f"Bearer {program().plain}"}


@pytest.mark.exhaustive
@pytest.mark.usefixtures("_one_connection")
@SCHEMA.parametrize()
@examples(EXAMPLES, *HealthCheck)
def test_the_api_does_what_its_description_says(case: Any, authorization: dict[str, str]) -> None:
    """Examples, each boundary of each parameter, and generated requests, good and bad.

    Statuses, types, shapes, refusals and authentication all agree with the description.
    """
    RequestCount.objects.all().delete()  # it tries wrong tokens by the dozen, and guessing is limited
    # A drawn header may be the Host: one that is no name is refused before the API is asked (RFC 9110, 7.2).
    for name in [name for name in case.headers or {} if name.lower() == "host"]:
        del case.headers[name]
    # An unknown parameter whose value is an empty list or object leaves no trace in the address.
    left_out = any(value in ([], {}) for value in (case.query or {}).values())
    excluded = [negative_data_rejection] if left_out else []
    case.call_and_validate(headers=authorization, excluded_checks=excluded)
