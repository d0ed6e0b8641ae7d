"""A tenant: its API user, its zone, its companies, picklists and request budget."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from integrations.simulators.autotask.company_store import CompanyStore
from integrations.simulators.autotask.files import CompanyFileError, load_companies, read_json
from integrations.simulators.autotask.limits import HourlyBudget
from integrations.simulators.autotask.picklists import PicklistChoices, tenant_picklists
from integrations.simulators.autotask.references import ReferenceRows

__all__ = ["CompanyFileError", "Tenant", "load_companies", "load_tenants"]

DEFAULT_ZONE = 14
KNOWN_ZONE_NAMES = {14: "AE02"}


class Tenant:
    """One Autotask database with one API user.

    ``companies`` are mappings with API field names; what they leave out gets defaults, and exactly the given
    ones are served. The store of the same name can be changed while the simulator runs
    (``tenant.companies.put({...})``, ``.change(id, {...})``, ``.remove(id)``).

    ``picklists`` replaces lists by field name (``{"companyType": {1: "Customer"}}``);
    ``user_defined_fields`` names fields beyond those that occur in the companies. ``hourly_used`` of
    ``hourly_limit`` requests are spent at the start. ``lock_after`` locks the user after that many refused
    sign-ins in a row; None never does. ``active=False`` is a user that was switched off or locked.

    Raises CompanyRowError for companies that cannot be served, PicklistError for a wrong picklist.
    """

    def __init__(
        self,
        username: str,
        secret: str,
        tracking_identifier: str,
        companies: Iterable[Mapping[str, object]] = (),
        *,
        zone: int = DEFAULT_ZONE,
        zone_name: str = "",
        database_id: int = 513558,
        hourly_limit: int = 10_000,
        hourly_used: int = 0,
        picklists: Mapping[str, PicklistChoices] | None = None,
        user_defined_fields: Sequence[str] = (),
        lock_after: int | None = None,
        active: bool = True,
    ) -> None:
        self.username = username
        self.secret = secret
        self.tracking_identifier = tracking_identifier
        self.companies = CompanyStore(companies)
        self.zone = zone
        self.database_id = database_id
        self.budget = HourlyBudget(hourly_limit, hourly_used)
        self.picklists = tenant_picklists(picklists or {})
        self.references: dict[str, ReferenceRows] = {}
        """What companies refer to, by path in lower case, where it is not what every new tenant has."""
        self.lock_after = lock_after
        self.active = active
        self._zone_name = zone_name
        self._user_defined_fields = tuple(user_defined_fields)
        self._lock = threading.Lock()
        self._refused_in_a_row = 0

    def __repr__(self) -> str:
        return f"Tenant({self.username!r}, zone={self.zone})"

    @property
    def zone_name(self) -> str:
        """The zone's short code."""
        return self._zone_name or KNOWN_ZONE_NAMES.get(self.zone, f"ZN{self.zone:02d}")

    @property
    def user_defined_fields(self) -> tuple[str, ...]:
        """Names of the user-defined fields: the given ones, then those that occur in the companies."""
        names = dict.fromkeys(self._user_defined_fields)
        names.update(dict.fromkeys(self.companies.snapshot().user_defined_names))
        return tuple(names)

    def knows_secret(self, secret: str) -> bool:
        """Whether this is the API user's secret."""
        return _same(self.secret, secret)

    def knows_tracking_identifier(self, tracking_identifier: str) -> bool:
        """Whether this is the integration's tracking identifier."""
        return _same(self.tracking_identifier, tracking_identifier)

    def note_sign_in(self, *, accepted: bool) -> None:
        """Count refused sign-ins in a row, and lock the user when there are too many."""
        with self._lock:
            self._refused_in_a_row = 0 if accepted else self._refused_in_a_row + 1
            if self.lock_after is not None and self._refused_in_a_row >= self.lock_after:
                self.active = False


def _same(held: str, given: str) -> bool:
    return hmac.compare_digest(held.encode("utf-8", "replace"), given.encode("utf-8", "replace"))


def load_tenants(path: str | Path) -> list[Tenant]:
    """The tenants of a JSON file: a list of objects with the names of Tenant's parameters.

    ``companies`` is a list, or the path of a company file relative to this one. Raises CompanyFileError
    naming the entry at fault, and OSError when a file cannot be read.
    """
    file = Path(path)
    content = read_json(file)
    if not isinstance(content, list):
        message = f"{file.name}: not a list of tenants"
        raise CompanyFileError(message)
    return [_tenant(file, number, entry) for number, entry in enumerate(content, start=1)]


def _tenant(file: Path, number: int, entry: object) -> Tenant:
    if not isinstance(entry, dict):
        message = f"{file.name}, tenant {number}: not an object"
        raise CompanyFileError(message)
    values = dict(entry)
    for required in ("username", "secret", "tracking_identifier"):
        if not isinstance(values.get(required), str) or not values[required]:
            message = f"{file.name}, tenant {number}: {required} is missing"
            raise CompanyFileError(message)
    companies = values.pop("companies", [])
    if isinstance(companies, str):
        companies = load_companies(file.parent / companies)
    picklists = values.pop("picklists", None)
    try:
        if picklists is not None:
            values["picklists"] = {
                name: {int(value): str(label) for value, label in labels.items()}
                for name, labels in picklists.items()
            }
        return Tenant(companies=companies, **values)
    except (TypeError, ValueError, AttributeError) as error:
        message = f"{file.name}, tenant {number}: {error}"
        raise CompanyFileError(message) from error
