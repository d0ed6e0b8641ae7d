"""A file at an https address, fetched through the outbound door."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from integrations.crypto import SealedValueError
from integrations.models import ImportSource
from integrations.outbound.addresses import Gate
from integrations.outbound.errors import OutboundError
from integrations.outbound.fetch import FetchedFile, fetch_file
from integrations.outbound.limits import Limits
from integrations.outbound.urls import check_public_url
from integrations.services.imports.sources.base import SourceFailed, SourceFile

MOST_BYTES = 40_000_000  # as much as an upload
SECONDS = 60.0  # for all of it
logger = logging.getLogger(__name__)


def allowed_hosts() -> frozenset[str]:
    """Hosts and ports that the setting names."""
    return frozenset(name.strip().lower() for name in settings.SOURCE_ALLOWED_HOSTS)


def check_source_url(url: str) -> None:
    """Refuse an address that the portal would not fetch. Raises AddressRefused."""
    check_public_url(url, allowed_hosts(), "SOURCE_ALLOWED_HOSTS")


class WebFile:
    """The file at the saved address; it is checked anew each time, as settings change."""

    label: ClassVar[str] = "A web address"

    def __init__(self, saved: ImportSource) -> None:
        self._saved = saved

    @contextmanager
    def open(self) -> Iterator[SourceFile]:
        """Fetch it. Raises SourceFailed."""
        fetched = self._fetch()
        yield SourceFile(io.BytesIO(fetched.body), fetched.name or self._saved.file_name)

    @sensitive_variables("url")
    def _fetch(self) -> FetchedFile:
        limits = Limits(
            connect_timeout=5.0,
            read_timeout=30.0,
            ca_bundle=settings.AUTOTASK_CA_BUNDLE,
            proxy=settings.OUTBOUND_PROXY,
        )
        try:
            url = str(self._saved.address.reveal().get("url", ""))
        except SealedValueError:
            raise SourceFailed(
                "The address was sealed with a key that is no longer in the key ring. Enter it anew."
            ) from None
        try:
            check_source_url(url)
            gate = Gate(allowed_hosts())
            return fetch_file(url, gate, limits, most_bytes=MOST_BYTES, seconds=SECONDS)
        except OutboundError as error:
            logger.warning("Source %s was not read: %s", self._saved.pk, error.technical)
            failure = SourceFailed(error.text)
        raise failure
