"""Read the fields beside a name: web address, telephone, postal code, city, state."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from integrations.matching import wordlists
from integrations.matching.words import fold, read_words, squashed

if TYPE_CHECKING:
    from tldextract import TLDExtract

_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?(?://)?([^/?#\s]*)", re.IGNORECASE)
_HOST_NAME = re.compile(r"^(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_][\w-]*$")
_NOT_DIGIT = re.compile(r"\D")
_SHARED = wordlists.shared_hosts()
_LEGAL_FORMS = wordlists.legal_forms()
_REGIONS = wordlists.regions()[0]

#: Digits compared at the end of a telephone number, so that country codes and trunk zeros do not matter.
PHONE_DIGITS = 9
#: Fewer digits are an extension, not a number.
FEWEST_PHONE_DIGITS = 7
#: Compared characters of a postal code: "60614-1234" and "60614" are one place.
POSTAL_CHARACTERS = 5
_CITY = "city"
_FEW_LABELS = 4
#: What the ending of a web address is read as, whatever it is.
HOST_ENDING = "com"


@dataclass(slots=True)  # not frozen: thousands are made a press, and freezing doubles the cost
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


@cache
def _suffixes() -> "TLDExtract":
    """The Public Suffix List as the package brings it, with its private part; nothing is fetched or stored.

    Loaded at the first address, because most pages of the portal read none.
    """
    from tldextract import TLDExtract

    return TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)


@cache
def _rules() -> frozenset[str]:
    """All suffixes of the list, to tell quickly where it holds nothing but the last label."""
    return frozenset(_suffixes().tlds)


def _ends_plainly(labels: list[str]) -> bool:
    """Whether the list knows the last label alone, and no longer ending of this host."""
    rules, end = _rules(), labels[-1]
    if end not in rules or "*." + end in rules:
        return False
    for label in labels[-2::-1]:
        end = f"{label}.{end}"
        if end in rules or "*." + end in rules or "!" + end in rules:
            return False
    return True


@lru_cache(50_000)
def registrable(host: str) -> tuple[str, str]:
    """The domain of a host that somebody can own, and its label; empty where there is none."""
    labels = host.split(".")
    if len(labels) <= _FEW_LABELS and host.isascii() and _ends_plainly(labels):
        domain = ".".join(labels[-2:])
        return ("", "") if labels[-1] in _SHARED or domain in _SHARED else (domain, squashed(labels[-2]))
    found = _suffixes()(host)
    if not found.domain or not found.suffix or found.suffix in _SHARED:
        return "", ""
    domain = f"{found.domain}.{found.suffix}"
    return ("", "") if domain in _SHARED else (domain, squashed(found.domain))


def _host(text: str) -> str:
    """The host of a web or mail address, lower-case; empty where there is none."""
    lowered = text.strip().lower()
    found = _HOST.match(lowered) if lowered else None
    host = (found.group(1) if found else "").rsplit("@", 1)[-1].split(":", 1)[0].strip(".")
    return host if _HOST_NAME.match(host) else ""


def read_domain(text: str) -> tuple[str, str]:
    """The registrable domain of a web or mail address and its label.

    "www.acme.co.uk" -> ("acme.co.uk", "acme"). The suffixes are those of the Public Suffix List with its
    private part, so that "acme.uk.com" is Acme's own, and "uk.com" nobody's.

    Empty for free mail, social pages and site builders, which say nothing about whose domain it is.
    """
    host = _host(text)
    return ("", "") if not host or host in _SHARED else registrable(host)


def domain_in_name(name: str) -> str:
    """The host where a name is nothing but a web or mail address ("tarnbrook.com", "tarnbrook.com Inc")."""
    text = name.strip()
    if "." not in text:
        return ""
    first, _, form = text.partition(" ")
    if form:
        if (squashed(form),) not in _LEGAL_FORMS or "." not in first:
            return ""
        text = first
    host = _host(text)
    return host if host and registrable(host)[0] else ""


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
