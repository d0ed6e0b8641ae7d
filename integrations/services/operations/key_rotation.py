"""Sealing every stored secret anew under the first encryption key, so that an old key can be taken away."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from integrations import crypto
from integrations.models import BrowserSession
from integrations.models.audit import Action
from integrations.models.seeds import is_in_place, seal_again, tokens_of
from integrations.services.audit import Batch, Change
from integrations.services.operations.sealed import sealed_fields


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
    _rotate_seeds(first, result, dry_run=dry_run)
    _rotate_sessions(first, result, dry_run=dry_run)
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
        told = asdict(result)
        batch.record([Change(Action.KEYS_ROTATED, "portal", "", "Encryption keys", None, told)])
    return result


@sensitive_variables()
def _rotate_seeds(first: Fernet, result: Rotation, *, dry_run: bool) -> None:
    """The seeds of second factors. Those that an earlier version sealed for any row are bound to theirs."""
    for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            if row is None:  # taken away meanwhile
                continue
            tokens = tokens_of(row)
            if not tokens:
                continue
            try:
                if all(_is_under(first, token) and is_in_place(token) for token in tokens):
                    result.current += 1
                    continue
                new = seal_again(row)
            except crypto.SealedValueError:
                result.unreadable.append(f"second factor of {row.user}")
                continue
            result.rotated += 1
            if not dry_run:
                row.data |= new
                row.save(update_fields=["data"])


@sensitive_variables()
def _rotate_sessions(first: Fernet, result: Rotation, *, dry_run: bool) -> None:
    """Live sessions, so that nobody is signed out. One that no key opens has ended anyway."""
    live = BrowserSession.objects.filter(expire_date__gt=timezone.now())
    for pk, old in live.values_list("pk", "session_data"):
        if _is_under(first, old):
            continue
        try:
            new = crypto.rotate(old)
        except crypto.SealedValueError:
            continue
        if dry_run or BrowserSession.objects.filter(pk=pk, session_data=old).update(session_data=new):
            result.rotated += 1


def _is_under(key: Fernet, token: str) -> bool:
    try:
        key.decrypt(token.encode())
    except InvalidToken:
        return False
    return True
