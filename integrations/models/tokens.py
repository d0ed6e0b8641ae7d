"""API tokens: what another program shows to be let in, kept as a digest only."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from integrations.models.bases import somebody
from integrations.models.instances import IntegrationInstance

MAKING = "integrations.add_apitoken"  # the right to make tokens
MOST_NETWORKS = 50
TOLD_BEFORE = dt.timedelta(days=30)  # that a token ends


def parse_networks(text: str) -> tuple[str, ...]:
    """Addresses and ranges ("192.0.2.7", "10.0.0.0/8", "2001:db8::/32"), by commas, spaces or lines.

    Each once, in its usual spelling. Raises ValueError with a sentence for what is none, and for one that
    holds every address.
    """
    found: dict[str, None] = {}
    for word in re.split(r"[\s,;]+", text.strip()):
        if not word:
            continue
        try:
            network = ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise ValueError(
                f"“{word}” is no address and no range. Write them like 192.0.2.7 or 10.0.0.0/8."
            ) from None
        if network.prefixlen == 0:
            raise ValueError(f"“{word}” holds every address. Leave the field empty for that.")
        found[str(network)] = None
    if len(found) > MOST_NETWORKS:
        raise ValueError(f"At most {MOST_NETWORKS} ranges.")
    return tuple(found)


class Right(models.TextChoices):
    """What a token may read. The instances that it is limited to are readable with any of them."""

    ORGANIZATIONS = "organizations", "Organizations"
    COMPANIES = "companies", "Companies"
    MAPPINGS = "mappings", "Mappings and their changes"
    HISTORY = "history", "History"
    RESOLVE = "resolve", "Resolve an organization to its company"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def with_maker(self) -> ApiTokenQuerySet:
        """With what ``maker_may`` tells, so that no row asks for itself."""
        may = User.objects.with_perm(MAKING, backend="django.contrib.auth.backends.ModelBackend")
        return self.annotate(maker_allowed=models.Exists(may.filter(pk=models.OuterRef("created_by"))))

    def ending_soon(self) -> ApiTokenQuerySet:
        """Those that open the door now and expire so soon that people are told, the first to end first."""
        now = timezone.now()
        open_now = self.with_maker().filter(revoked_at=None, expires_at__gt=now)
        belongs = models.Q(for_portal=True) | models.Q(maker_allowed=True)
        return open_now.filter(belongs, expires_at__lte=now + TOLD_BEFORE).order_by("expires_at", "pk")

    def left(self) -> ApiTokenQuerySet:
        """Those that have ended with their maker and are not revoked yet."""
        return self.with_maker().filter(models.Q(maker_allowed=False), revoked_at=None, for_portal=False)


class ApiToken(models.Model):
    """One token. ``prefix`` finds it and may be shown; ``digest`` is SHA-256 (hex) of the whole token.

    The token holds 256 random bits, so that a fast digest without salt is enough. ``limited`` says that only
    ``instances`` may be read: a flag of its own, because otherwise a token would widen to everything when
    its last instance is removed for good. It opens the door until ``expires_at``, from the ``networks``
    (address ranges; none: from anywhere), and, unless it was made ``for_portal``, only as long as whoever
    made it is here and may still make one.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        EXPIRED = "expired", "Expired"
        LEFT = "left", "Ended with its maker"
        REVOKED = "revoked", "Revoked"

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    rights = models.JSONField(default=list)
    limited = models.BooleanField(default=False)
    instances = models.ManyToManyField(IntegrationInstance, blank=True, related_name="api_tokens")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = somebody()
    for_portal = models.BooleanField(
        default=False, help_text="Belongs to the portal itself and stays when its maker leaves."
    )
    networks = models.JSONField(default=list, blank=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "API token"
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="token_has_a_name")]

    def __str__(self) -> str:
        return self.name

    def state_at(self, now: dt.datetime) -> State:
        """Whether it opens the door at this moment."""
        if self.revoked_at is not None:
            return self.State.REVOKED
        if self.expires_at <= now:
            return self.State.EXPIRED
        if not (self.for_portal or self.maker_may):
            return self.State.LEFT
        return self.State.ACTIVE

    @cached_property
    def maker_may(self) -> bool:
        """Whether who made it is still here and may still make tokens."""
        known: bool | None = getattr(self, "maker_allowed", None)  # by ``with_maker``
        return bool(self.created_by and self.created_by.has_perm(MAKING)) if known is None else known

    @property
    def ends_soon(self) -> bool:
        """Whether it opens the door now, and not much longer."""
        now = timezone.now()
        return self.state_at(now) is self.State.ACTIVE and self.expires_at - now <= TOLD_BEFORE

    def may_come_from(self, address: str) -> bool:
        """Whether it opens the door for this network address."""
        if not self.networks:
            return True
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        return any(ip in ipaddress.ip_network(network) for network in self.networks)

    @property
    def state(self) -> State:
        """Whether it opens the door now."""
        return self.state_at(timezone.now())

    @property
    def right_labels(self) -> list[str]:
        """Its rights in the words of the page; a right that the portal no longer knows is left out."""
        return [right.label for right in Right if right.value in self.rights]

    def snapshot(self) -> dict[str, Any]:
        """What the audit may know: neither the token nor its digest. Needs a saved row."""
        return {
            "name": self.name,
            "prefix": self.prefix,
            "rights": list(self.rights),
            "instances": sorted(instance.pk for instance in self.instances.all()) if self.limited else "all",
            "networks": list(self.networks) or "all",
            "for_portal": self.for_portal,
            "expires_at": self.expires_at.isoformat(),
            "revoked": self.revoked_at is not None,
        }
