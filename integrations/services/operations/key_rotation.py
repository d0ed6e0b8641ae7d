"""Sealing every stored secret anew under the first encryption key, so that an old key can be taken away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from integrations import crypto
from integrations.fields import EncryptedJSONField
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change


@dataclass
class Rotation:
    """What was done, or with a dry run would be: ``unreadable`` names rows whose key is not in the ring."""

    rotated: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


@sensitive_variables("old", "new")
def rotate_keys(batch: Batch, *, dry_run: bool = False) -> Rotation:
    """Seal what lies under an older key under the first one. Can be stopped and repeated at any moment.

    A secret that somebody replaces meanwhile is left to them: theirs is sealed under the first key already.
    """
    result = Rotation()
    first = Fernet(settings.PORTAL_ENCRYPTION_KEYS[0].strip())
    for model, name in sealed_fields():
        rows = model.objects.exclude(**{name: ""}).order_by("pk")
        for row in rows.iterator(chunk_size=500):
            old = getattr(row, name)
            try:
                old.reveal()
            except crypto.SealedValueError:
                result.unreadable.append(f"{model._meta.verbose_name} {row}")
                continue
            if _is_under(first, old.token):
                result.current += 1
                continue
            new = crypto.rotate(old.token)
            same = model.objects.filter(pk=row.pk, **{name: old.token})
            if dry_run or same.update(**{name: new}):
                result.rotated += 1
    if result.rotated and not dry_run:
        with transaction.atomic():
            told = {"rotated": result.rotated, "current": result.current, "unreadable": result.unreadable}
            change = Change(Action.KEYS_ROTATED, "portal", "", "Encryption keys", None, told)
            batch.record([change])
    return result


def sealed_fields() -> Iterator[tuple[Any, str]]:
    """Every model that holds sealed values, with the field's name."""
    for model in apps.get_app_config("integrations").get_models():
        for each in model._meta.concrete_fields:
            if isinstance(each, EncryptedJSONField):
                yield model, each.name


def _is_under(key: Fernet, token: str) -> bool:
    try:
        key.decrypt(token.encode())
    except InvalidToken:
        return False
    return True
