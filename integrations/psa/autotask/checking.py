"""The connection check: five steps, each with what was found and the next click when it failed.

Credentials go out only to a zone that Autotask named for this user name, and a refusal ends the check:
one refused request, never two, because repeated refusals lock the API user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from integrations.psa.autotask import zones
from integrations.psa.autotask.calls import Calls
from integrations.psa.autotask.errors import (
    API_USER_PAGE,
    NEW_USER_NOTE,
    CertificateRefused,
    PlatformMismatch,
    ProxyRefused,
    UnknownUser,
    no_permission,
)
from integrations.psa.autotask.queries import company_query, count_query
from integrations.psa.autotask.zones import DETECT
from integrations.psa.base import (
    CheckStep,
    ConnectionReport,
    CredentialsRefused,
    DestinationRefused,
    PermissionRefused,
    PSAError,
    RateLimited,
    StepState,
    Unavailable,
    Zone,
)

ZONE, PLATFORM, CREDENTIALS, ACCESS, BUDGET = "zone", "platform", "credentials", "access", "budget"

TITLES: dict[str, str] = {
    ZONE: "Zone found for the username",
    PLATFORM: "Platform matches the zone",
    CREDENTIALS: "Credentials accepted",
    ACCESS: "Companies can be read",
    BUDGET: "Requests left in this hour",
}

_SECURITY_LEVEL = "Admin > Features & Settings > Resources/Users (HR) > Security > Security Levels"

Value = TypeVar("Value")


class _StepFailed(Exception):
    """Ends the check; the step is in the list already."""

    def __init__(self, error: PSAError) -> None:
        super().__init__(error.technical)
        self.error = error


class ConnectionCheck:
    """One run of the check. ``stored_url`` is the API address that an earlier check found, or empty."""

    def __init__(self, calls: Calls, *, stored_url: str = "", chosen_zone: str = DETECT) -> None:
        self._calls = calls
        self._stored_url = stored_url
        self._chosen = self._platform = chosen_zone
        self._steps: list[CheckStep] = []
        self._zone: Zone | None = None
        self._moved_from = ""
        self._count: int | None = None

    def run(self) -> ConnectionReport:
        """Go through the steps. Failures are in the report; nothing is raised."""
        error: PSAError | None = None
        try:
            zone = self._find_zone()
            self._compare_platform(zone)
            self._try_credentials(zone)
            self._try_access(zone)
            self._read_budget(zone)
        except _StepFailed as failed:
            error = failed.error
        done = {step.key for step in self._steps}
        self._steps += [
            CheckStep(key, title, StepState.SKIPPED) for key, title in TITLES.items() if key not in done
        ]
        return ConnectionReport(
            steps=tuple(self._steps),
            zone=self._zone,
            budget=self._calls.known_budget(),
            company_count=self._count,
            moved_from=self._moved_from,
            platform=self._platform,
            better_zone=self._zone.key if self._zone and isinstance(error, PlatformMismatch) else "",
            error=error,
        )

    # --- steps ---

    def _find_zone(self) -> Zone:
        extra_hosts = self._calls.settings.extra_hosts
        try:
            zone = self._calls.discover()
        except PSAError as error:
            if not self._stored_url or isinstance(error, CredentialsRefused | DestinationRefused):
                raise self._failed(ZONE, error, _zone_next_step(error)) from None
            zone = zones.zone_from_answer(self._stored_url, extra_hosts=extra_hosts)
            self._note(
                ZONE,
                StepState.WARNING,
                f"Autotask's zone look-up did not answer, so the zone found earlier is used: "
                f"{zones.label_of(zone.key)}.",
            )
        else:
            label = zones.label_of(zone.key, zone.name)
            moved = bool(self._stored_url) and not _same_url(self._stored_url, zone.api_url)
            if moved:
                self._moved_from = self._stored_url
                label = f"{label}. Autotask has moved you here from {self._old_label()}"
            self._note(ZONE, StepState.WARNING if moved else StepState.PASSED, f"{label}.")
        self._zone = zone
        return zone

    def _old_label(self) -> str:
        try:
            return zones.label_of(zones.zone_of_url(self._stored_url, self._calls.settings.extra_hosts))
        except DestinationRefused:
            return "another address"

    def _compare_platform(self, zone: Zone) -> None:
        found = zones.label_of(zone.key, zone.name)
        if self._chosen == DETECT:
            self._note(PLATFORM, StepState.PASSED, f"Detected: {found}.")
        elif self._chosen == zone.key:
            self._note(PLATFORM, StepState.PASSED, f"{found}, as chosen.")
        elif self._stored_url and not self._moved_from:
            # An earlier check or read has followed Autotask there; the choice stayed behind.
            self._platform = zone.key
            self._note(
                PLATFORM,
                StepState.WARNING,
                f"{zones.label_of(self._chosen)} is chosen, but {found} is used: the username has lived "
                "there since Autotask moved it.",
            )
        elif self._moved_from and self._chosen == self._old_key():
            self._platform = zone.key
            self._note(
                PLATFORM,
                StepState.WARNING,
                f"{self._old_label()} is chosen, but Autotask has moved you to {found}, which is used "
                "from now on.",
            )
        else:
            chosen = zones.label_of(self._chosen)
            raise self._failed(
                PLATFORM,
                PlatformMismatch(
                    f"The chosen Platform is {chosen}, but this username belongs to {found}. "
                    "The credentials were not sent.",
                    f"platform {self._chosen} chosen, {zone.key} found",
                ),
                f"Choose “{found}” or “Detect from username” as the Platform. If {chosen} is really meant, "
                "use the API user of that Autotask.",
            )

    def _old_key(self) -> str:
        try:
            return zones.zone_of_url(self._moved_from, self._calls.settings.extra_hosts)
        except DestinationRefused:
            return ""

    def _try_credentials(self, zone: Zone) -> None:
        version = self._must(CREDENTIALS, _credentials_next_step, lambda: self._calls.prove(zone.api_url))
        named = f"Autotask (version {version})" if version else "Autotask"
        self._note(CREDENTIALS, StepState.PASSED, f"{named} accepted username, password and identifier.")

    def _try_access(self, zone: Zone) -> None:
        access = self._must(ACCESS, _access_next_step, lambda: self._calls.access(zone.api_url))
        if access == "none":
            raise self._failed(ACCESS, no_permission("userAccessForQuery is none"), _access_next_step(None))
        body = company_query((), max_records=1)
        rows = self._must(ACCESS, _access_next_step, lambda: self._calls.page(zone.api_url, body, limit=1))
        count = self._must(
            ACCESS, _access_next_step, lambda: self._calls.count(zone.api_url, count_query(()))
        )
        self._count = count
        if not rows.ids:
            self._note(
                ACCESS,
                StepState.WARNING,
                "The query works but shows no company at all, not even your own.",
                f"Open {_SECURITY_LEVEL} and give the API user's level access to all companies.",
            )
        elif access == "restricted":
            self._note(
                ACCESS,
                StepState.WARNING,
                f"{count:,} companies can be read, but Autotask restricts this API user: some companies may "
                "be hidden from it without a word.",
                f"Open {_SECURITY_LEVEL} and give the API user's level access to all companies.",
            )
        else:
            self._note(ACCESS, StepState.PASSED, f"{count:,} companies can be read.")

    def _read_budget(self, zone: Zone) -> None:
        try:
            budget = self._calls.budget(zone.api_url)
        except CredentialsRefused as error:
            raise self._failed(BUDGET, error, _credentials_next_step(error)) from None
        except PSAError as error:
            # The connection works; only the figure is missing.
            self._note(BUDGET, StepState.WARNING, f"The figure could not be read. {error.user_text}")
            return
        settings = self._calls.settings
        detail = (
            f"{budget.used:,} of {budget.limit:,} requests used in the last "
            f"{budget.timeframe_minutes} minutes, by all integrations together."
        )
        if budget.share > settings.budget_refuse:
            self._note(
                BUDGET,
                StepState.WARNING,
                f"{detail} Reading companies has to wait.",
                "Try Refresh Options in about 15 minutes, and look which other integration sends so many.",
            )
        elif budget.share > settings.budget_slow:
            self._note(BUDGET, StepState.WARNING, f"{detail} Companies will be read more slowly.")
        else:
            self._note(BUDGET, StepState.PASSED, detail)

    # --- helpers ---

    def _must(
        self, key: str, next_step: Callable[[PSAError | None], str], call: Callable[[], Value]
    ) -> Value:
        try:
            return call()
        except PSAError as error:
            raise self._failed(key, error, next_step(error)) from None

    def _failed(self, key: str, error: PSAError, next_step: str) -> _StepFailed:
        self._steps.append(CheckStep(key, TITLES[key], StepState.FAILED, error.user_text, next_step))
        return _StepFailed(error)

    def _note(self, key: str, state: StepState, detail: str, next_step: str = "") -> None:
        self._steps.append(CheckStep(key, TITLES[key], state, detail, next_step))


def _same_url(left: str, right: str) -> bool:
    return left.rstrip("/").lower() == right.rstrip("/").lower()


def _lines(*instructions: str) -> str:
    """Instructions to follow one by one."""
    return "\n".join(instructions)


def _later(error: PSAError | None) -> str:
    if isinstance(error, ProxyRefused):
        return _lines(
            "Nothing is wrong with the values: it is the way out of your network.",
            "Ask whoever runs the portal to compare its settings HTTPS_PROXY and NO_PROXY with your proxy.",
        )
    if isinstance(error, CertificateRefused) and error.may_be_opened:
        return _lines(
            "Ask whether a firewall or proxy of your network opens encrypted connections.",
            "If it does, save its CA certificate as a file and name that file in AUTOTASK_CA_BUNDLE. If not, "
            "do not enter the credentials anywhere: somebody else may be answering.",
        )
    if isinstance(error, RateLimited | Unavailable):
        return "Nothing is wrong with the values. Save again in a few minutes."
    return ""


def _zone_next_step(error: PSAError) -> str:
    if isinstance(error, UnknownUser):
        return _lines(
            f"In Autotask open {API_USER_PAGE}.",
            "See that the user is active and that its security level is API User.",
            "Copy the Username (Key) from the Security tab into API Username.",
            f"Save again. {NEW_USER_NOTE}",
        )
    if isinstance(error, DestinationRefused) and not _later(error):
        return "Do not enter the credentials anywhere else. Ask whoever runs the portal's network."
    return _later(error)


def _credentials_next_step(error: PSAError | None) -> str:
    if isinstance(error, CredentialsRefused):
        return _lines(
            f"In Autotask open {API_USER_PAGE}. See that the user is active and not locked.",
            "On its Security tab, under API Tracking Identifier, the Integration Vendor must be this "
            "integration's or Custom (Internal Integration). Copy the identifier from there.",
            "If the password is not certain, generate a new one under Password (Secret): Autotask shows it "
            "only then.",
            f"Save again, once: Autotask locks a user that is tried again and again. {NEW_USER_NOTE}",
        )
    return _later(error)


def _access_next_step(error: PSAError | None) -> str:
    if error is None or isinstance(error, PermissionRefused):
        return _lines(
            f"In Autotask open {_SECURITY_LEVEL}, then the level of this API user.",
            "Allow it to view all companies.",
            "Save again.",
        )
    if isinstance(error, CredentialsRefused):
        return _credentials_next_step(error)
    return _later(error)
