"""The demo: the customers of an invented managed service provider, and the PSA tenants that know them.

``main`` is the tenant of Quillmere Technology Group in Ohio, ``acquired`` the smaller one of Pellam Valley
Computers in Pennsylvania, which it bought. A few organizations are customers in both. Everything follows
from one seed and the two sizes asked for: the same on every machine, in every process.

Ground truth (``demo_truth``) says which company each organization is, and what makes it hard to see.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from integrations.demo.businesses import Business, BusinessMaker
from integrations.demo.dirty_names import SPELLINGS, client_code, other_legal_form, superseded
from integrations.demo.words import ACQUIRED_PLACES, HOUSEKEEPING_NAMES, MAIN_PLACES

SEED = "autotask integration portal demo 1"
ORGANIZATIONS = 300
COMPANIES = 1_500
TENANTS = {"main": "Quillmere Technology Group", "acquired": "Pellam Valley Computers"}

CUSTOMER, LEAD, PROSPECT, DEAD, CANCELATION, VENDOR, PARTNER = 1, 2, 3, 4, 6, 7, 8

# Of what a tenant holds beside our organizations: (company type, share in percent, share that is active).
FILLING = (
    (CUSTOMER, 14, 0.94),
    (LEAD, 30, 0.92),
    (PROSPECT, 21, 0.9),
    (DEAD, 13, 0.06),
    (CANCELATION, 9, 0.1),
    (VENDOR, 10, 0.95),
    (PARTNER, 3, 0.97),
)
PLACEHOLDER_PHONE = "0000000000"
FIRST_DAY = dt.datetime(2009, 3, 2, 14, 0, tzinfo=dt.UTC)
LAST_DAY = dt.datetime(2025, 9, 30, 17, 0, tzinfo=dt.UTC)

Value = str | int | float | bool | None
Row = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one organization in one tenant.

    ``company_id`` is None where there is no such company, and where nothing can tell its twins apart.
    ``kind`` names the mess: "same", "legal form", "dba", "branch", "twin", "rebranded", "no counterpart" ...
    """

    external_id: str
    tenant: str
    company_id: int | None
    kind: str


def demo_organizations(organizations: int = ORGANIZATIONS, companies: int = COMPANIES) -> list[Row]:
    """Our organizations, with the columns of the organization import (``active`` is a bool)."""
    return [dict(row) for row in _world(organizations, companies).organizations]


def demo_companies(
    tenant: str = "main", organizations: int = ORGANIZATIONS, companies: int = COMPANIES
) -> list[Row]:
    """A tenant's companies, ids ascending, with the field names of the remote API.

    ``companies`` is the size of the main tenant; the acquired one has two fifteenths of it.
    Raises KeyError for an unknown tenant.
    """
    return [dict(row) for row in _world(organizations, companies).tenants[tenant]]


def demo_truth(organizations: int = ORGANIZATIONS, companies: int = COMPANIES) -> list[Truth]:
    """One entry an organization and tenant that it belongs to (the main one when it has no counterpart)."""
    return list(_world(organizations, companies).truth)


@dataclass
class _World:
    organizations: list[Row] = field(default_factory=list)
    tenants: dict[str, list[Row]] = field(default_factory=dict)
    truth: list[Truth] = field(default_factory=list)


@dataclass(eq=False)
class _Entry:
    """A company before it has its id."""

    name: str
    business: Business
    company_type: int
    is_active: bool = True
    parent: _Entry | None = None
    id: int = -1


@dataclass
class _Tenant:
    key: str
    size: int
    maker: BusinessMaker
    entries: list[_Entry] = field(default_factory=list)

    def add(
        self, name: str, business: Business, company_type: int = CUSTOMER, *, active: bool = True,
        parent: _Entry | None = None,
    ) -> _Entry:  # fmt: skip
        entry = _Entry(name, business, company_type, active, parent)
        self.entries.append(entry)
        return entry


@dataclass
class _Organization:
    """One of ours before it has its row: ``homes`` says what it is in which tenant."""

    name: str
    business: Business
    kind: str
    homes: dict[str, _Entry | None]
    shows_evidence: bool | None = None
    is_active: bool = True


@lru_cache(maxsize=4)
def _world(organizations: int, companies: int) -> _World:
    if organizations < 1 or companies < 2 * organizations:
        raise ValueError("A demo needs at least one organization and twice as many companies.")
    rng = random.Random(f"{SEED} {organizations} {companies}")  # noqa: S311  # invents names, not secrets
    maker = BusinessMaker(rng, MAIN_PLACES)
    main = _Tenant("main", companies, maker)
    acquired = _Tenant("acquired", max(2, round(companies * 2 / 15)), maker.moved_to(ACQUIRED_PLACES))
    of_acquired = round(organizations * 2 / 15)
    in_both = round(organizations / 25)

    ours = _customers(rng, main, organizations - of_acquired + in_both)
    candidates = [ours_one for ours_one in ours if ours_one.kind in {"same", "legal form", "capitals"}]
    for shared in rng.sample(candidates, min(in_both, len(candidates))):
        spelled = rng.choice(SPELLINGS)[3](shared.business, rng)
        shared.homes["acquired"] = acquired.add(spelled, shared.business)
    ours += _customers(rng, acquired, organizations - len(ours))
    rng.shuffle(ours)

    world = _World()
    for tenant in (main, acquired):
        _fill(rng, tenant)
        world.tenants[tenant.key] = _rows(rng, tenant)
    for number, organization in enumerate(ours, start=1):
        external_id = f"ORG-{1000 + number}"
        world.organizations.append(_organization_row(rng, organization, external_id))
        for key, entry in organization.homes.items():
            world.truth.append(
                Truth(external_id, key, None if entry is None else entry.id, organization.kind)
            )
    return world


# --- customers ------------------------------------------------------------------------------------------


def _customers(rng: random.Random, tenant: _Tenant, count: int) -> list[_Organization]:
    """Exactly ``count`` organizations of ours, with their companies added to the tenant."""
    structures: tuple[tuple[int, Callable[[random.Random, _Tenant], list[_Organization]]], ...] = (
        (76, _plain),
        (5, _with_old_double),
        (4, _branches),
        (3, _twin),
        (2, _undecidable_twin),
        (3, _rebranded),
        (3, _left),
        (7, _unknown),
    )
    # A deck instead of dice: every mess is there, however small the demo.
    deck = [made for share, made in structures for _ in range(math.ceil(share * count / 100))]
    rng.shuffle(deck)
    result: list[_Organization] = []
    for structure in deck:
        if len(result) < count:
            result += structure(rng, tenant)
    return result[:count]


def _plain(rng: random.Random, tenant: _Tenant) -> list[_Organization]:
    business = tenant.maker.business()
    [(_, kind, ours, theirs)] = rng.choices(SPELLINGS, weights=[share for share, *_ in SPELLINGS])
    our_name, their_name = ours(business, rng), theirs(business, rng)
    entry = tenant.add(their_name, business)
    if our_name == their_name:
        kind = "same"
    # Letters alone name nobody: where we keep only initials we also keep the web site.
    evidence = True if kind in {"initials", "formerly"} else None
    return [_Organization(our_name, business, kind, {tenant.key: entry}, evidence)]


def _with_old_double(rng: random.Random, tenant: _Tenant) -> list[_Organization]:
    business = tenant.maker.business()
    entry = tenant.add(business.full_name, business)
    tenant.add(superseded(business, rng), business, rng.choice((CUSTOMER, CUSTOMER, DEAD)), active=False)
    return [_Organization(other_legal_form(business, rng), business, "old double", {tenant.key: entry})]


def _branches(rng: random.Random, tenant: _Tenant) -> list[_Organization]:
    """A head office with two to four branches; we know the head office and some of the branches."""
    head = tenant.maker.business()
    parent = tenant.add(head.full_name, head)
    result = [_Organization(head.core, head, "head office", {tenant.key: parent}, True)]
    seen = {head.place.city}
    for _ in range(rng.randint(2, 4)):
        site = tenant.maker.branch(head)
        if site.place.city in seen:
            continue
        seen.add(site.place.city)
        name = rng.choice((f"{head.core} - {site.place.city}", f"{head.core} ({site.place.city})"))
        child = tenant.add(name, site, parent=parent)
        if rng.random() < 0.5:
            ours = f"{head.core} {site.place.city}"
            result.append(_Organization(ours, site, "branch", {tenant.key: child}, True))
    return result


def _twin(rng: random.Random, tenant: _Tenant) -> list[_Organization]:
    """Two unrelated companies of one name; our record says which town."""
    business = tenant.maker.business()
    entry = tenant.add(business.full_name, business)
    tenant.add(business.full_name, tenant.maker.elsewhere(business))
    return [_Organization(business.core, business, "twin", {tenant.key: entry}, True)]


def _undecidable_twin(rng: random.Random, tenant: _Tenant) -> list[_Organization]:
    """Two unrelated companies of one name, and our record is only the name."""
    business = tenant.maker.business()
    tenant.add(business.full_name, business)
    tenant.add(business.full_name, tenant.maker.elsewhere(business))
    return [_Organization(business.core, business, "undecidable twin", {tenant.key: None}, False)]


def _rebranded(rng: random.Random, tenant: _Tenant) -> list[_Organization]:
    """Sold or renamed: the names share nothing, the web site and the telephone number stayed."""
    business = tenant.maker.business()
    while not business.domain:
        business = tenant.maker.business()
    entry = tenant.add(tenant.maker.business().full_name, business)
    return [_Organization(business.core, business, "rebranded", {tenant.key: entry}, True)]


def _left(rng: random.Random, tenant: _Tenant) -> list[_Organization]:
    """Cancelled in the PSA, still listed by the other tool."""
    business = tenant.maker.business()
    entry = tenant.add(business.full_name, business, CANCELATION, active=False)
    return [_Organization(business.core, business, "left", {tenant.key: entry}, is_active=False)]


def _unknown(rng: random.Random, tenant: _Tenant) -> list[_Organization]:
    """Not in the PSA yet."""
    business = tenant.maker.business()
    name = other_legal_form(business, rng)
    return [_Organization(name, business, "no counterpart", {tenant.key: None})]


# --- what else a tenant holds ------------------------------------------------------------------------------


def _fill(rng: random.Random, tenant: _Tenant) -> None:
    """Fill the tenant up to its size, company 0 included."""
    customers = list(tenant.entries)
    missing = tenant.size - 1 - len(customers)
    names = HOUSEKEEPING_NAMES[: missing // 50]
    for name in names:
        tenant.add(name, tenant.maker.business(), CUSTOMER, active=rng.random() < 0.5)
    weights = [share for _, share, _ in FILLING]
    for _ in range(missing - len(names)):
        [(company_type, _, active_share)] = rng.choices(FILLING, weights=weights)
        active = rng.random() < active_share
        if company_type in {VENDOR, PARTNER}:
            business = tenant.maker.vendor()
            tenant.add(business.full_name, business, company_type, active=active)
        elif company_type in {LEAD, PROSPECT} and rng.random() < 0.06:
            # A bought address list: a customer entered once more as a lead.
            double = rng.choice(customers).business
            tenant.add(other_legal_form(double, rng), double, company_type, active=active)
        else:
            business = tenant.maker.business()
            spelling = rng.choices(SPELLINGS, weights=[share for share, *_ in SPELLINGS])[0][3]
            marked = company_type == DEAD and rng.random() < 0.25
            name = (superseded if marked else spelling)(business, rng)
            tenant.add(name, business, company_type, active=active)


# --- rows -----------------------------------------------------------------------------------------------


def _rows(rng: random.Random, tenant: _Tenant) -> list[Row]:
    """The tenant's rows by ascending id, the provider itself (company 0) first."""
    rng.shuffle(tenant.entries)
    own = tenant.maker.provider(TENANTS[tenant.key])
    entries = [_Entry(own.core, own, PARTNER), *tenant.entries]
    next_id = 174
    step = (LAST_DAY - FIRST_DAY) / (len(entries) + 1)
    for position, entry in enumerate(entries):
        entry.id = next_id if position else 0
        next_id += rng.choice((1, 1, 1, 2, 3)) if position else 0
    return [_company_row(rng, entry, FIRST_DAY + step * position) for position, entry in enumerate(entries)]


def _company_row(rng: random.Random, entry: _Entry, created: dt.datetime) -> Row:
    business, place = entry.business, entry.business.place
    is_customer = entry.company_type == CUSTOMER
    # What is alive was touched lately; the rest was left behind somewhere on the way.
    modified = created + (LAST_DAY - created) * (rng.uniform(0.85, 1) if entry.is_active else rng.random())
    phone = PLACEHOLDER_PHONE if rng.random() < 0.03 else business.phone
    return {
        "id": entry.id,
        "companyName": entry.name[:100],
        "companyNumber": client_code(business) if is_customer and rng.random() < 0.7 else "",
        "companyType": entry.company_type,
        "isActive": entry.is_active,
        "phone": _phone(rng, phone),
        "fax": _phone(rng, f"{business.phone[:-4]}1{business.phone[-3:]}") if rng.random() < 0.1 else "",
        "webAddress": _web_address(rng, business.domain) if rng.random() < 0.8 else "",
        "address1": business.street,
        "address2": business.suite,
        "city": place.city,
        "state": place.state,
        "postalCode": business.postal_code if rng.random() < 0.95 else "",
        "countryID": 237,
        "parentCompanyID": None if entry.parent is None else entry.parent.id,
        "ownerResourceID": rng.choice((29682885, 29682886, 29682891)),
        "classification": rng.choice((14, 15, 15, 16)) if is_customer else None,
        "territoryID": 29683453 if place.state in {"PA", "WV", "OH"} else 29683454,
        "marketSegmentID": {"health": 29683456, "manufacturing": 29683458}.get(business.sector),
        "isTaxExempt": business.sector == "public and non-profit",
        "isClientPortalActive": is_customer and rng.random() < 0.4,
        "createDate": _moment(created),
        "lastActivityDate": _moment(modified),
        "lastTrackedModifiedDateTime": _moment(modified),
    }


def _organization_row(rng: random.Random, organization: _Organization, external_id: str) -> Row:
    business = organization.business

    def known(share: float) -> bool:
        if organization.shows_evidence is None:
            return rng.random() < share
        return organization.shows_evidence

    has_address = known(0.7)
    return {
        "name": organization.name,
        "external_id": external_id,
        "domain": business.domain if known(0.65) else "",
        "phone": _phone(rng, business.phone) if known(0.55) else "",
        "city": business.place.city if has_address else "",
        "state": business.place.state if has_address else "",
        "postal_code": business.postal_code if has_address else "",
        "active": organization.is_active,
    }


def _phone(rng: random.Random, digits: str) -> str:
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return rng.choice(
        (
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"{area}.{exchange}.{line}",
            f"+1 {area}-{exchange}-{line}",
            digits,
        )
    )


def _web_address(rng: random.Random, domain: str) -> str:
    if not domain:
        return ""
    return rng.choice((f"www.{domain}", f"https://www.{domain}/", domain, f"http://{domain}"))


def _moment(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


__all__ = [
    "COMPANIES",
    "ORGANIZATIONS",
    "TENANTS",
    "Truth",
    "demo_companies",
    "demo_organizations",
    "demo_truth",
]
