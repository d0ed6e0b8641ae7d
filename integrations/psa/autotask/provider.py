"""Autotask as the portal's registry knows it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings

from integrations.psa.autotask.client import AutotaskClient, AutotaskSettings
from integrations.psa.autotask.filters import AutotaskFilters, default_fields
from integrations.psa.autotask.forms import AutotaskConnectionForm
from integrations.psa.base import CompanyField, Credentials, PSAClient


class Autotask:
    """Autotask PSA (Datto PSA): its form, its client and its filter language."""

    key = "autotask"
    name = "Autotask PSA"
    full_name = "Autotask PSA (Datto PSA)"
    form_class = AutotaskConnectionForm
    help_template = "integrations/setup/help_autotask.html"

    @property
    def filters(self) -> AutotaskFilters:
        """Its filter language, with dates in the portal's time zone."""
        return AutotaskFilters(ZoneInfo(settings.TIME_ZONE))

    def client(self, credentials: Credentials, *, api_url: str = "") -> PSAClient:
        """A client for one tenant; without ``api_url`` its check finds the zone first."""
        return AutotaskClient(
            credentials,
            settings=AutotaskSettings(
                extra_hosts=frozenset(settings.AUTOTASK_EXTRA_HOSTS),
                discovery_url=settings.AUTOTASK_DISCOVERY_URL,
                ca_bundle=settings.AUTOTASK_CA_BUNDLE,
                proxy=settings.OUTBOUND_PROXY,
            ),
            api_url=api_url,
        )

    def default_fields(self) -> Sequence[CompanyField]:
        """The filter fields that are offered before the tenant's own were read."""
        return default_fields()

    def company_address(self, web_url: str, remote_id: str) -> str:
        """Where a company is seen in Autotask's own pages; "" as long as ``web_url`` is not known.

        ``ExecuteCommand`` opens it in every zone; the command still calls a company an account.
        """
        if not web_url:
            return ""
        query = urlencode({"Code": "OpenAccount", "AccountID": remote_id})
        return f"{web_url.rstrip('/')}/Autotask/AutotaskExtend/ExecuteCommand.aspx?{query}"
