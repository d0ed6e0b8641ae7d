"""How often something was done within a minute, for limits that hold over all processes and machines."""

from __future__ import annotations

import time
from ipaddress import IPv6Address, IPv6Network, ip_address

from django.db import models

from integrations.database.counting import count_one

MINUTE = 60  # seconds


class RequestCountQuerySet(models.QuerySet["RequestCount"]):
    def count_one(self, name: str) -> int:
        """How often this was done in the current minute, this time included."""
        return count_one(self.model, name, int(time.time() // MINUTE))

    def past(self) -> RequestCountQuerySet:
        """What limits nothing any more."""
        return self.filter(minute__lt=int(time.time() // MINUTE) - 1)


class RequestCount(models.Model):
    """What is counted, in which minute since 1970, and how often; one row a name, used again and again."""

    name = models.CharField(max_length=100, primary_key=True)
    minute = models.BigIntegerField()
    times = models.BigIntegerField()

    objects = RequestCountQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name}: {self.times}"


def seconds_to_next_minute() -> int:
    """How long to wait until counts begin anew."""
    return max(1, int(MINUTE - time.time() % MINUTE) + 1)


def neighbourhood(address: str) -> str:
    """The address under which somebody is counted, of IPv6 the /64 that one line has: who has one has all."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:45]
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or IPv6Network((int(found), 64), strict=False))
    return str(found)
