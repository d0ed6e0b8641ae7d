"""Read the fields beside a name: web address, telephone, postal code, city, state."""

import re
from dataclasses import dataclass
from functools import lru_cache

from integrations.matching import wordlists
from integrations.matching.words import fold, read_words, squashed

_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?(?://)?([^/?#\s]*)", re.IGNORECASE)
_HOST_NAME = re.compile(r"^(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_][\w-]*$")
_NOT_DIGIT = re.compile(r"\D")
_SHARED = wordlists.shared_hosts()
_SUFFIXES = wordlists.public_suffixes()
_REGIONS = wordlists.regions()[0]

#: Digits compared at the end of a telephone number, so that country codes and trunk zeros do not matter.
PHONE_DIGITS = 9
#: Fewer digits are an extension, not a number.
FEWEST_PHONE_DIGITS = 7
#: Compared characters of a postal code: "60614-1234" and "60614" are one place.
POSTAL_CHARACTERS = 5
_CITY = "city"


@dataclass(frozen=True, slots=True)
class Contact:
    """What a record holds beside its name, in comparable form; empty text where nothing usable is held."""

    domain: str
    domain_label: str
    phone: str
    postal_code: str
    city: str
    city_words: frozenset[str]
    state: str


NO_CONTACT = Contact("", "", "", "", "", frozenset(), "")


def read_domain(text: str) -> tuple[str, str]:
    """The registrable domain of a web or mail address and its label.

    "www.acme.co.uk" -> ("acme.co.uk", "acme").

    Empty for free mail, social pages and site builders, which say nothing about whose domain it is.
    """
    lowered = text.strip().lower()
    if not lowered:
        return "", ""
    found = _HOST.match(lowered)
    host = (found.group(1) if found else "").rsplit("@", 1)[-1].split(":", 1)[0].strip(".")
    if not _HOST_NAME.match(host):
        return "", ""
    labels = host.split(".")
    if host in _SHARED:
        return "", ""
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SUFFIXES else 2
    domain = ".".join(labels[-keep:])
    if domain in _SHARED:
        return "", ""
    return domain, squashed(labels[-keep])


def read_phone(text: str) -> str:
    """The last nine digits of a telephone number; empty when there are fewer than seven."""
    digits = _NOT_DIGIT.sub("", text)
    if len(digits) < FEWEST_PHONE_DIGITS or len(set(digits)) == 1:
        return ""
    return digits[-PHONE_DIGITS:]


@lru_cache(10_000)
def _read_city(city: str) -> tuple[str, frozenset[str]]:
    """A city as it is compared (Saint Louis is St. Louis, New York City is New York), and its words."""
    words = read_words(fold(city)).core
    told = words[:-1] if len(words) > 1 and words[-1] == _CITY else words
    return "".join(told) or squashed(city), frozenset(words)


@lru_cache(1_000)
def _read_state(state: str) -> str:
    folded = squashed(state)
    return _REGIONS.get(folded, folded)


def read_contact(domain: str, phone: str, city: str, state: str, postal_code: str) -> Contact:
    """Read all fields beside a name; any of them may be empty."""
    if not (domain or phone or city or state or postal_code):
        return NO_CONTACT
    host, label = read_domain(domain) if domain else ("", "")
    city_text, city_words = _read_city(city) if city else ("", frozenset())
    return Contact(
        domain=host,
        domain_label=label,
        phone=read_phone(phone) if phone else "",
        postal_code=squashed(postal_code)[:POSTAL_CHARACTERS] if postal_code else "",
        city=city_text,
        city_words=city_words,
        state=_read_state(state) if state else "",
    )
