"""The demo's own credentials, shown where they are asked for: on this machine alone, and never in production.

Everything in the demo is made up, and both files are readable for whoever started it.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

NAMES = {"api-main@quillmere.example": "Quillmere", "api-pellam@pellamvalley.example": "Pellam Valley"}


@dataclass(frozen=True)
class DemoTenant:
    """A simulated Autotask and what connects to it."""

    name: str
    username: str
    secret: str = field(repr=False)
    tracking_identifier: str = field(repr=False)


@dataclass(frozen=True)
class DemoAccess:
    """The person who signs in, and the tenants to connect."""

    username: str
    password: str = field(repr=False)
    tenants: tuple[DemoTenant, ...] = ()


def demo_access() -> DemoAccess | None:
    """What ``load_demo`` wrote; None where it has not run."""
    folder = settings.DATA_DIR / "demo"
    try:
        person = json.loads((folder / "sign-in.json").read_text(encoding="utf-8"))
        tenants = json.loads((folder / "tenants.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return DemoAccess(
        person["username"],
        person["password"],
        tuple(
            DemoTenant(
                NAMES.get(each["username"], each["username"]),
                each["username"],
                each["secret"],
                each["tracking_identifier"],
            )
            for each in tenants
        ),
    )


def context(request: HttpRequest) -> dict[str, Any]:
    """``demo_access`` for templates; None for whoever asks from another machine."""
    return {"demo_access": SimpleLazyObject(demo_access) if _is_here(request) else None}


def _is_here(request: HttpRequest) -> bool:
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
