"""API tokens: making and revoking them, and letting a program in."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import logging
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from integrations.models import ApiToken, IntegrationInstance, RequestCount, Right
from integrations.models.audit import Action
from integrations.models.request_counts import neighbourhood, seconds_to_next_minute
from integrations.services.audit import Batch, Change, State

logger = logging.getLogger(__name__)

MARK = "aip"
PREFIX_BYTES = 5
TOKEN_BYTES = 32  # 256 bits
LONGEST_TOKEN = 200
USUAL_LIFE = dt.timedelta(days=365)
LONGEST_DAYS = 730
LAST_USED_EVERY = dt.timedelta(minutes=1)
REFUSALS_PER_MINUTE = 60  # of one network address

# Compared with when no token has the prefix, so that the answer takes as long.
_NO_DIGEST = "0" * 64


class TokenRefused(Exception):
    """The token opens nothing, and why; the text holds no part of it."""


class TooManyRequests(Exception):
    """The rate limit is reached; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many requests. Try again in {retry_after} seconds.")
        self.retry_after = retry_after


@dataclass(frozen=True)
class TokenSpec:
    """What a new token shall be. No ``instances`` means every one, also those that come later.

    Without ``expires_at`` it lives as long as usual. ``networks`` are address ranges as ``parse_networks``
    gives them. What a command makes belongs to the portal in any case: it could end with nobody.
    """

    name: str
    rights: Collection[Right]
    instances: Collection[IntegrationInstance] = ()
    expires_at: dt.datetime | None = None
    for_portal: bool = False
    networks: Collection[str] = ()


def _digest(plain: str) -> str:
    return hashlib.sha256(plain.encode(errors="replace")).hexdigest()


@sensitive_variables("plain", "body")
def create_token(batch: Batch, spec: TokenSpec) -> tuple[ApiToken, str]:
    """Make a token; returns its row and the token itself, which is kept nowhere and cannot be shown again."""
    handle = base64.b32encode(secrets.token_bytes(PREFIX_BYTES)).decode().lower()
    prefix = f"{MARK}_{handle}"
    plain = f"{prefix}_{secrets.token_urlsafe(TOKEN_BYTES)}"
    with transaction.atomic():
        token = ApiToken(
            name=spec.name,
            prefix=prefix,
            digest=_digest(plain),
            rights=[right.value for right in Right if right in spec.rights],
            limited=bool(spec.instances),
            for_portal=spec.for_portal or batch.actor.account is None,
            networks=list(spec.networks),
            expires_at=spec.expires_at or timezone.now() + USUAL_LIFE,
            created_by=batch.actor.account,
        )
        token.save()
        token.instances.set(spec.instances)
        _record(batch, Action.TOKEN_CREATED, token, None)
    return token, plain


def revoke_token(batch: Batch, token: ApiToken) -> bool:
    """Close the door for a token at once and for ever; False when it was revoked already."""
    with transaction.atomic():
        token = ApiToken.objects.select_for_update().get(pk=token.pk)
        if token.revoked_at is not None:
            return False
        before = token.snapshot()
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        _record(batch, Action.TOKEN_REVOKED, token, before)
    return True


def revoke_left_tokens(batch: Batch) -> int:
    """Close for good what ended with its maker, so that it stays closed should they come back; how many."""
    return sum(revoke_token(batch, token) for token in ApiToken.objects.left())


def _record(batch: Batch, action: Action, token: ApiToken, before: State) -> None:
    batch.record([Change(action, "token", str(token.pk), token.name, before, token.snapshot())])


# --- letting in -------------------------------------------------------------------------------------


@sensitive_variables("plain")
def authenticate(plain: str, address: str) -> ApiToken:
    """The token's row when it opens the door now, counted against its limit and noted as used.

    ``address`` is where the request came from; refused tokens are counted for it. Raises TokenRefused and
    TooManyRequests.
    """
    now = timezone.now()
    try:
        token = _matching(plain, now, address)
    except TokenRefused as refusal:
        logger.warning("a token was refused: %s", refusal, extra={"address": address})
        _count(f"api-refused:{neighbourhood(address)}", REFUSALS_PER_MINUTE)
        raise
    _count(f"api-token:{token.pk}", settings.API_REQUESTS_PER_MINUTE)
    # One write a minute at most, also from several processes.
    ApiToken.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_EVERY), pk=token.pk
    ).update(last_used_at=now)
    return token


@sensitive_variables("plain")
def _matching(plain: str, now: dt.datetime, address: str) -> ApiToken:
    parts = plain.split("_", 2)
    token = None
    if len(parts) == 3 and parts[0] == MARK and len(plain) <= LONGEST_TOKEN and plain.isascii():
        prefix = f"{parts[0]}_{parts[1]}"
        if prefix.isprintable():
            token = ApiToken.objects.with_maker().filter(prefix=prefix).first()
    same = hmac.compare_digest(_digest(plain), token.digest if token else _NO_DIGEST)
    if token is None or not same:
        raise TokenRefused("The token is not known.")
    state = token.state_at(now)
    if state is ApiToken.State.REVOKED:
        raise TokenRefused("The token was revoked.")
    if state is ApiToken.State.EXPIRED:
        raise TokenRefused("The token has expired. Make a new one on the page “API tokens”.")
    if state is ApiToken.State.LEFT:
        raise TokenRefused(
            "The token ended with the person who made it. Make one that belongs to the portal itself."
        )
    if not token.may_come_from(address):
        raise TokenRefused("The token may not be used from this network address.")
    return token


def _count(key: str, limit: int) -> None:
    """Count one request of this minute. Raises TooManyRequests beyond the limit."""
    if RequestCount.objects.count_one(key) > limit:
        logger.warning("too many requests of %s", key.partition(":")[0], extra={"limited": key})
        raise TooManyRequests(seconds_to_next_minute())


# --- what a token may see ---------------------------------------------------------------------------


def instances_of(token: ApiToken) -> frozenset[int] | None:
    """The ids of the instances that the token is limited to; None when it is not limited."""
    if not token.limited:
        return None
    return frozenset(token.instances.values_list("pk", flat=True))


def listed_tokens(tokens: Iterable[ApiToken]) -> list[tuple[ApiToken, ApiToken.State]]:
    """The tokens with their state, those that open the door first."""
    now = timezone.now()
    rows = [(token, token.state_at(now)) for token in tokens]
    return sorted(rows, key=lambda row: row[1] is not ApiToken.State.ACTIVE)
