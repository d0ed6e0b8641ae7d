"""Autotask's zones (in the form: *Platform*): the known ones, their keys, and the address of a zone.

The list grows with time. The portal therefore asks Autotask for the zone of a user name first; this
list is what a person may choose from, and how a zone that was found is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from integrations.outbound.addresses import host_and_port
from integrations.psa.autotask.destinations import check_url
from integrations.psa.base import UnexpectedAnswer, Zone

DETECT = ""
"""The platform choice that means "detect from the user name"."""

API_VERSION = "V1.0"
DISCOVERY_PATH = "/atservicesrest/v1.0/zoneInformation"

_NUMBERED_HOST = re.compile(r"webservices([0-9]{1,3})\.autotask\.net")
_VERSION_AT_END = re.compile(r"/v[0-9]+(\.[0-9]+)?/$", re.IGNORECASE)
_SAFE_PATH = re.compile(r"/[A-Za-z0-9_./-]*")


@dataclass(frozen=True, slots=True)
class KnownZone:
    """A zone that Autotask publishes. ``key`` is the name of its web address (``ww14.autotask.net``)."""

    key: str
    name: str
    api_host: str

    @property
    def label(self) -> str:
        """How the form shows it: ``America East 2 (ww14)``."""
        return f"{self.name} ({self.key})"


def _numbered(number: int, name: str) -> KnownZone:
    return KnownZone(f"ww{number}", name, f"webservices{number}.autotask.net")


# Autotask's developer help, "API Zones"; the order is that of the form: everyday zones first.
KNOWN_ZONES: tuple[KnownZone, ...] = (
    _numbered(3, "America East"),
    _numbered(14, "America East 2"),
    _numbered(22, "America East 3"),
    _numbered(5, "America West"),
    _numbered(15, "America West 2"),
    _numbered(24, "America West 3"),
    _numbered(25, "America West 4"),
    _numbered(6, "Australia / New Zealand"),
    _numbered(26, "Australia 2"),
    _numbered(29, "Australia / New Zealand, Sydney"),
    _numbered(19, "EU 1 (English, Europe and Asia)"),
    _numbered(18, "German (Deutsch)"),
    _numbered(12, "Spanish (Español)"),
    _numbered(4, "UK"),
    _numbered(16, "UK 2"),
    _numbered(28, "UK 3"),
    _numbered(1, "Limited release"),
    _numbered(2, "Pre-release"),
    _numbered(17, "UK limited release"),
    _numbered(11, "UK pre-release"),
    KnownZone("prde", "Pre-release Deutsch", "prde.autotask.net"),
    KnownZone("pres", "Pre-release Español", "pres.autotask.net"),
)

_BY_KEY = {zone.key: zone for zone in KNOWN_ZONES}
_BY_HOST = {zone.api_host: zone for zone in KNOWN_ZONES}


def choices(extra_hosts: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Key and label of every zone that can be chosen, extra hosts last; ``DETECT`` is not among them."""
    found = [(zone.key, zone.label) for zone in KNOWN_ZONES]
    found += [(host.lower(), f"Simulator at {host.lower()}") for host in sorted(extra_hosts)]
    return found


def zone_of_url(url: str, extra_hosts: Iterable[str] = ()) -> str:
    """The zone key of an API address: ``ww14``, ``prde``, ``127.0.0.1:8010`` (extra host), or the host.

    Raises ``DestinationRefused`` when the portal may not connect there.
    """
    destination = check_url(url, extra_hosts)
    if destination.is_extra:
        return host_and_port(destination.host, destination.port)
    known = _BY_HOST.get(destination.host)
    if known is not None:
        return known.key
    numbered = _NUMBERED_HOST.fullmatch(destination.host)
    return f"ww{int(numbered[1])}" if numbered else destination.host


def label_of(key: str, zone_name: str = "") -> str:
    """How a zone is shown to people; ``zone_name`` (Autotask's short code) helps with unlisted ones."""
    if key == DETECT:
        return "Detect from username"
    known = _BY_KEY.get(key)
    if known is not None:
        return known.label
    if ":" in key:
        return f"Simulator at {key}"
    return f"{zone_name} ({key})" if zone_name else key


def normal_api_url(url: str, extra_hosts: Iterable[str] = ()) -> str:
    """The API address in one form: lower-case host, one slash at the end, no version in it.

    Autotask's copies of this address differ in case, in the final slash, and sometimes name the version.
    Raises ``DestinationRefused`` outside the allowed hosts, ``UnexpectedAnswer`` for an odd path.
    """
    destination = check_url(url, extra_hosts)
    parts = urlsplit(url)
    path = _VERSION_AT_END.sub("/", f"{parts.path.rstrip('/')}/")
    if parts.query or not _SAFE_PATH.fullmatch(path) or ".." in path or "//" in path:
        raise UnexpectedAnswer(
            "Autotask named an address for this zone that the portal cannot use.",
            f"odd API path on {destination.host}",
        )
    return f"{destination.origin}{path}"


def zone_from_answer(
    url: str,
    *,
    name: str = "",
    web_url: str = "",
    database_id: int | None = None,
    extra_hosts: Iterable[str] = (),
) -> Zone:
    """The zone that a zone answer describes, after its address passed the destination rule."""
    extra = tuple(extra_hosts)
    api_url = normal_api_url(url, extra)
    return Zone(zone_of_url(api_url, extra), name, api_url, web_url, database_id)
