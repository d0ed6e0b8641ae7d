"""Invented businesses for the demo: a name, a legal form, and an address that agrees with itself."""

from __future__ import annotations

import itertools
import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from integrations.demo.words import (
    FIRST_NAMES,
    LANDSCAPES,
    SECTORS,
    STREET_KINDS,
    STREETS,
    SURNAMES,
    VENDOR_FORMS,
    VENDOR_STEMS,
    VENDOR_TRADES,
    Place,
    Sector,
)

# Written after a comma by some of those who have them.
COMMA_FORMS = {"LLC", "Inc.", "Inc", "Ltd.", "PC", "PLLC", "LLP"}


@dataclass(frozen=True, slots=True)
class Business:
    """One business of the invented world, as it would write itself.

    ``core`` is the name without its legal form, ``domain`` is empty for the few without a web site, and
    ``phone`` holds ten digits.
    """

    core: str
    legal_form: str
    sector: str
    place: Place
    postal_code: str
    street: str
    suite: str
    phone: str
    domain: str

    @property
    def full_name(self) -> str:
        """The name with its legal form, "Brandt Roofing, LLC" or "Brandt Roofing LLC"."""
        if not self.legal_form:
            return self.core
        comma = "," if self.legal_form in COMMA_FORMS and len(self.core) % 3 == 0 else ""
        return f"{self.core}{comma} {self.legal_form}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was given away already."""

    names: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)


class BusinessMaker:
    """Makes businesses whose names, domains and telephone numbers are each used once."""

    def __init__(self, rng: random.Random, places: Sequence[Place], taken: Taken | None = None) -> None:
        self._rng = rng
        self._places = places
        self._taken = taken or Taken()

    def moved_to(self, places: Sequence[Place]) -> BusinessMaker:
        """A maker for other places that never repeats what this one made, nor the other way round."""
        return BusinessMaker(self._rng, places, self._taken)

    def provider(self, name: str) -> Business:
        """The managed service provider itself, in the first of the places."""
        return self._settled(name, "", "provider", self._places[0], ("com",))

    def business(self) -> Business:
        """A new customer-like business."""
        rng = self._rng
        [sector] = rng.choices(SECTORS, weights=[sector.weight for sector in SECTORS])
        place = rng.choice(self._places)
        core = self._unused_name(sector, place)
        return self._settled(core, rng.choice(sector.legal_forms), sector.name, place, sector.top_levels)

    def vendor(self) -> Business:
        """A new supplier of the provider itself."""
        rng = self._rng
        while True:
            core = f"{rng.choice(VENDOR_STEMS)} {rng.choice(VENDOR_TRADES)}"
            if core in self._taken.names:
                core = f"{rng.choice(SURNAMES)} {core}"
            if core not in self._taken.names:
                break
        self._taken.names.add(core)
        return self._settled(core, rng.choice(VENDOR_FORMS), "vendor", rng.choice(self._places), ("com",))

    def elsewhere(self, business: Business) -> Business:
        """The same name in another town, with an address, a number and a web site of its own."""
        place = self._rng.choice([place for place in self._places if place.city != business.place.city])
        return self._settled(business.core, business.legal_form, business.sector, place, ("com", "net"))

    def branch(self, business: Business) -> Business:
        """Another site of the same business: its own address and number, the same web site."""
        return replace(self.elsewhere(business), domain=business.domain)

    def _settled(
        self, core: str, legal_form: str, sector: str, place: Place, top_levels: Sequence[str]
    ) -> Business:
        rng = self._rng
        return Business(
            core=core,
            legal_form=legal_form,
            sector=sector,
            place=place,
            postal_code=rng.choice(place.postal_codes),
            street=f"{rng.randint(11, 9890)} {rng.choice(STREETS)} {rng.choice(STREET_KINDS)}",
            suite=f"Suite {rng.randint(1, 40) * 10}" if rng.random() < 0.2 else "",
            phone=self._unused_phone(place.area_code),
            domain=self._unused_domain(core, place, rng.choice(top_levels)) if rng.random() < 0.88 else "",
        )

    def _unused_name(self, sector: Sector, place: Place) -> str:
        while True:
            name = self._name(sector, place)
            if name not in self._taken.names:
                self._taken.names.add(name)
                return name

    def _name(self, sector: Sector, place: Place) -> str:
        rng = self._rng
        first, second, third = rng.sample(SURNAMES, 3)
        trade, place_trade = rng.choice(sector.person_trades), rng.choice(sector.place_trades)
        roll = rng.random()
        if sector.partners and roll < 0.2:
            names = rng.choice((f"{first} & {second}", f"{first}, {second} & {third}", f"{first} {second}"))
            return f"{names} {rng.choice(sector.partners)}"
        if roll < 0.34:
            return f"{rng.choice(LANDSCAPES)} {place_trade}"
        if roll < 0.42:
            return f"{place.city} {place_trade}"
        if roll < 0.48:
            return f"{place_trade} of {place.city}"
        if roll < 0.6:
            return f"{first} {rng.choice(('& Sons', 'Brothers', 'Bros.', 'Family'))} {_without_family(trade)}"
        if roll < 0.72:
            return f"{rng.choice(FIRST_NAMES)} {first} {trade}"
        if roll < 0.78:
            return f"{first}'s {trade}"
        if roll < 0.84:
            return f"{first} {rng.choice(('Eastside', 'Tri-County', 'Buckeye', 'Valley', 'Midwest'))} {trade}"
        return f"{first} {trade}"

    def _unused_phone(self, area_code: str) -> str:
        while True:
            # 555-1212 is directory assistance; the rest of the exchange reaches nobody.
            phone = f"{area_code}555{self._rng.randint(2000, 9999)}"
            if phone not in self._taken.phones:
                break
            area_code = self._rng.choice(self._places).area_code  # a mobile number from another town
        self._taken.phones.add(phone)
        return phone

    def _unused_domain(self, core: str, place: Place, top_level: str) -> str:
        words = [word for word in plain_words(core) if word not in {"and", "of", "the"}]
        label = "".join(words)
        if len(label) > 26:
            label = words[0] + "".join(word[0] for word in words[1:])
        endings = ("", plain_words(place.city)[0], place.state.lower(), "online")
        free = (
            domain
            for ending in itertools.chain(endings, itertools.count(2))
            if (domain := f"{label}{ending}.{top_level}") not in self._taken.domains
        )
        domain = next(free)
        self._taken.domains.add(domain)
        return domain


def plain_words(text: str) -> list[str]:
    """The words in lower-case ASCII, without signs: "O'Dell & Núñez" is ``odell nunez``."""
    folded = unicodedata.normalize("NFKD", text.replace("'", "")).encode("ascii", "ignore").decode()
    return re.findall(r"[a-z0-9]+", folded.lower())


def _without_family(trade: str) -> str:
    """ "Family" only once: "Yoder Family Dentistry", not "Yoder Family Family Dentistry"."""
    return trade.removeprefix("Family ")
