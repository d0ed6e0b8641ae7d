"""The key ring and the encrypted field: only the right place and the right key open a value."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.management import call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from integrations import checks, crypto
from integrations.fields import Sealed
from integrations.models import IntegrationInstance
from tests.support.properties import examples
from tests.support.rows import make_instance

CONTENT = st.dictionaries(st.text(max_size=20), st.text(max_size=60) | st.integers() | st.none(), max_size=4)
QUICK = examples(40, HealthCheck.function_scoped_fixture)


# --- the key ring -------------------------------------------------------------------------------------


@QUICK
@given(content=CONTENT, context=st.text(max_size=40))
def test_what_is_sealed_opens_in_its_own_place(content: dict[str, Any], context: str) -> None:
    token = crypto.seal(content, context)
    assert crypto.unseal(token, context) == content
    assert all(value not in token for value in content.values() if isinstance(value, str) and len(value) > 3)


@QUICK
@given(content=CONTENT, context=st.text(max_size=40), other=st.text(max_size=40))
def test_it_opens_in_no_other_place(content: dict[str, Any], context: str, other: str) -> None:
    token = crypto.seal(content, context)
    if other != context:
        with pytest.raises(crypto.SealedValueError):
            crypto.unseal(token, other)


@QUICK
@given(content=CONTENT, place=st.integers(0, 500), flip=st.integers(1, 255))
def test_a_changed_token_is_refused(content: dict[str, Any], place: int, flip: int) -> None:
    token = bytearray(crypto.seal(content, "here").encode())
    token[place % len(token)] ^= flip
    try:
        changed = token.decode("ascii")
    except UnicodeDecodeError:
        return
    try:
        opened = crypto.unseal(changed, "here")
    except crypto.SealedValueError:
        return
    assert opened == content  # only spare bits of the padding differ, or characters that base64 skips


@QUICK
@given(content=CONTENT, old_keys=st.integers(1, 3))
def test_a_rotated_value_opens_with_the_new_key_alone(
    settings: Any, content: dict[str, Any], old_keys: int
) -> None:
    ring = [crypto.new_key() for _ in range(old_keys)]
    settings.PORTAL_ENCRYPTION_KEYS = ring
    token = crypto.seal(content, "here")
    new = crypto.new_key()
    settings.PORTAL_ENCRYPTION_KEYS = [new, *ring]
    assert crypto.unseal(token, "here") == content

    rotated = crypto.rotate(token)

    settings.PORTAL_ENCRYPTION_KEYS = [new]
    assert crypto.unseal(rotated, "here") == content
    with pytest.raises(crypto.SealedValueError):
        crypto.unseal(token, "here")
    with pytest.raises(crypto.SealedValueError):
        crypto.rotate(token)


def test_the_first_key_seals(settings: Any) -> None:
    first, second = crypto.new_key(), crypto.new_key()
    settings.PORTAL_ENCRYPTION_KEYS = [first, second]
    token = crypto.seal({"a": 1}, "here")
    assert json.loads(Fernet(first).decrypt(token.encode()))["content"] == {"a": 1}


@pytest.mark.parametrize(
    "plain", ["[]", '"text"', '{"context": "here"}', '{"context": "here", "content": 1}', "{"]
)
def test_a_token_of_our_key_that_holds_something_else_is_refused(settings: Any, plain: str) -> None:
    token = Fernet(settings.PORTAL_ENCRYPTION_KEYS[0]).encrypt(plain.encode()).decode()
    with pytest.raises(crypto.SealedValueError):
        crypto.unseal(token, "here")


def test_a_failure_tells_nothing_of_the_content() -> None:
    token = crypto.seal({"secret": "Heron-71"}, "model:row:field")
    with pytest.raises(crypto.SealedValueError) as failure:
        crypto.unseal(token, "elsewhere")
    assert "Heron" not in str(failure.value)
    assert token not in str(failure.value)


@pytest.mark.parametrize("keys", [[], ["short"], ["not base64 at all!"], [crypto.new_key(), ""]])
def test_an_unusable_key_ring_is_found_at_the_start(settings: Any, keys: list[str]) -> None:
    settings.PORTAL_ENCRYPTION_KEYS = keys
    [problem] = checks.encryption_keys_work()
    assert problem.id == "integrations.E001"
    assert not any(key in problem.msg for key in keys if key)


def test_a_usable_key_ring_is_no_problem() -> None:
    assert checks.encryption_keys_work() == []


# --- the field ----------------------------------------------------------------------------------------


@pytest.fixture
def instance(db: None) -> IntegrationInstance:
    """A configuration with two secrets."""
    row = make_instance("Main")
    row.credentials = {"secret": "Heron-71", "tracking_identifier": "QV7"}
    row.save()
    return IntegrationInstance.objects.get()


def test_the_content_opens_only_on_request(instance: IntegrationInstance) -> None:
    assert instance.credentials.reveal() == {"secret": "Heron-71", "tracking_identifier": "QV7"}
    for shown in (repr(instance.credentials), str(instance.credentials), f"{instance.credentials}"):
        assert shown == "<sealed>"
    assert "Heron" not in repr(vars(instance))
    assert not hasattr(instance.credentials, "__dict__")
    assert repr(Sealed("", "x")) == "<empty>"
    assert Sealed("", "x").reveal() == {}


def test_a_token_copied_into_another_row_does_not_open(instance: IntegrationInstance) -> None:
    other = make_instance("Other")
    IntegrationInstance.objects.filter(pk=other.pk).update(credentials=instance.credentials)
    other.refresh_from_db()
    with pytest.raises(crypto.SealedValueError):
        other.credentials.reveal()


def test_validating_a_row_keeps_its_secrets(instance: IntegrationInstance) -> None:
    instance.full_clean()
    instance.save()
    instance.refresh_from_db()
    assert instance.credentials.reveal()["secret"] == "Heron-71"


@pytest.mark.parametrize("plain", ["Heron-71", {"secret": "Heron-71"}, ["Heron-71"]])
def test_nothing_unsealed_reaches_the_database(instance: IntegrationInstance, plain: object) -> None:
    before = instance.credentials.token
    with pytest.raises(TypeError) as failure, transaction.atomic():
        IntegrationInstance.objects.filter(pk=instance.pk).update(credentials=plain)
    assert "Heron" not in str(failure.value)
    instance.refresh_from_db()
    assert instance.credentials.token == before
    if isinstance(plain, str):
        instance.credentials = plain
        with pytest.raises(TypeError), transaction.atomic():
            instance.save()


def test_a_deferred_field_is_read_when_it_is_asked_for(instance: IntegrationInstance) -> None:
    for row in (
        IntegrationInstance.objects.only("name").get(),
        IntegrationInstance.objects.defer("credentials", "key").get(),
    ):
        assert row.credentials.reveal()["secret"] == "Heron-71"


def test_an_empty_object_is_stored_as_nothing(instance: IntegrationInstance) -> None:
    instance.credentials = {}
    instance.save()
    instance.refresh_from_db()
    assert not instance.credentials
    assert instance.credentials.reveal() == {}


def test_fixtures_and_queries_carry_no_content(instance: IntegrationInstance) -> None:
    dumped = io.StringIO()
    call_command("dumpdata", "integrations.IntegrationInstance", stdout=dumped)
    for text in (dumped.getvalue(), serializers.serialize("xml", [instance])):
        assert "Heron" not in text
        assert instance.credentials.token not in text
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_integrationinstance")
        [(stored,)] = cursor.fetchall()
    assert stored.startswith("gAAAA")
    assert "Heron" not in stored


def test_a_fixture_loads_without_secrets(instance: IntegrationInstance) -> None:
    dumped = serializers.serialize("json", [instance])
    instance.delete()
    for row in serializers.deserialize("json", dumped):
        row.save()
    assert not IntegrationInstance.objects.get().credentials
