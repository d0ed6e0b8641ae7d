"""No secret in a log record, an exception, its frames, or a ``repr``, whatever goes wrong."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator

import pytest

from integrations.psa.autotask.client import AutotaskClient, AutotaskSettings
from integrations.psa.autotask.credentials import CredentialHeaders
from integrations.psa.base import Credentials, PSAError
from tests.psa.conftest import CREDENTIALS, SECRET, TRACKING_IDENTIFIER, USERNAME, Connect, Serve, northwind
from tests.psa.raw_server import RawServer, Script, answer

SECRETS = (SECRET, TRACKING_IDENTIFIER)


def frames_and_chain(error: BaseException) -> Iterator[str]:
    """Everything that a log handler or an error page might show of an exception."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield f"{current!s} {current!r} {current.args!r} {vars(current)!r}"
        for frame, _ in traceback.walk_tb(current.__traceback__):
            # The test's own frames hold the secrets by their nature.
            if "/tests/" not in frame.f_code.co_filename:
                for name, value in frame.f_locals.items():
                    yield f"{name}={value!r}"
        waiting += [each for each in (current.__cause__, current.__context__) if each is not None]


def assert_silent(texts: Iterator[str] | list[str], *more: str) -> None:
    """None of the texts holds a secret."""
    for text in texts:
        for secret in (*SECRETS, *more):
            assert secret not in text


ECHO = json.dumps({"errors": [f"bad secret {SECRET} for {USERNAME} with {TRACKING_IDENTIFIER}"]}).encode()


@pytest.mark.parametrize(
    "script",
    [
        answer(b"", status="401 Unauthorized"),
        answer(ECHO, status="500 Error"),
        answer(ECHO, status="401 Unauthorized"),
        answer(ECHO, status="403 Forbidden"),
        answer(ECHO, status="429 Busy"),
        answer(ECHO),
        answer(b"", status="503 Busy"),
        answer(b"", status="302 Found", headers="Location: http://127.0.0.1:9/\r\n"),
        answer(b"<html>"),
        answer(f'{{"queryCount": "{SECRET}"}}'.encode()),
        answer(b"x" * 10_000_000),
        answer(b"{", length=100),
        lambda connection: None,
        lambda connection: connection.sendall(SECRET.encode() + b"\r\n\r\n"),
    ],
)
def test_a_failed_call_tells_no_secret(
    script: Script, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(script) as server:
        client = connect(server.base_url)
        for call in (client.budget, lambda: client.count_companies(()), lambda: list(client.companies(()))):
            with pytest.raises(PSAError) as failed:
                call()
            assert_silent(frames_and_chain(failed.value), USERNAME)
            assert_silent([failed.value.user_text, failed.value.technical], USERNAME)
            # Nothing of the HTTP library's frames, which hold the headers, is kept.
            chained = {failed.value.__cause__, failed.value.__context__} - {None}
            assert not [each for each in chained if not isinstance(each, PSAError)]
    assert caplog.records
    assert_silent([f"{record.getMessage()} {record.args!r}" for record in caplog.records], USERNAME)
    assert not [record for record in caplog.records if record.exc_info]


def test_a_successful_check_and_read_log_paths_and_figures_only(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    simulator = serve(northwind(300))
    client = connect(simulator, stored=False, page_size=50)
    report = client.check()
    list(client.companies(()))
    own = [record for record in caplog.records if record.name == "integrations.psa.autotask"]
    assert len(own) == len(simulator.requests)
    everything = [f"{record.getMessage()} {record.args!r}" for record in caplog.records]
    assert_silent(everything, USERNAME, USERNAME.replace("@", "%40"), "Harbour")
    assert_silent([repr(report), repr(client), repr(vars(client)), repr(client.settings)])


def test_nothing_shows_a_secret_by_its_repr() -> None:
    client = AutotaskClient(CREDENTIALS, settings=AutotaskSettings())
    calls = client._calls
    shown = [repr(CREDENTIALS), repr(CredentialHeaders(CREDENTIALS)), repr(client), repr(calls)]
    assert_silent(shown)
    client.close()


def test_a_value_that_cannot_be_sent_is_not_quoted() -> None:
    broken = Credentials(USERNAME, f"{SECRET}\n", TRACKING_IDENTIFIER)
    with pytest.raises(PSAError) as refused:
        AutotaskClient(broken)
    assert_silent([str(refused.value), refused.value.user_text, repr(refused.value)])
