"""Read the fields beside a name: web address, telephone, postal code, city, state."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
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
_STREET_WORD = re.compile(r"[^\W_]+")
_SHORT_STREETS = {
    "street": "st",
    "avenue": "ave",
    "road": "rd",
    "boulevard": "blvd",
    "drive": "dr",
    "lane": "ln",
    "highway": "hwy",
    "court": "ct",
    "square": "sq",
    "suite": "ste",
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
}
#: The list as the package brings it.
SNAPSHOT = ".tld_set_snapshot"
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
    street: str = ""


NO_CONTACT = Contact("", "", "", "", "", frozenset(), "")


@cache
def _suffixes() -> "TLDExtract":
    """The Public Suffix List as the package brings it, with its private part; nothing is fetched."""
    from tldextract import TLDExtract

    return TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)


@cache
def _rules() -> frozenset[str]:
    """All rules of that list, read without the package, which takes a tenth of a second to load.

    Loaded at the first address, because most pages of the portal read none.
    """
    package = find_spec("tldextract")
    bundled = Path(package.origin or "").with_name(SNAPSHOT) if package else Path(SNAPSHOT)
    if not bundled.is_file():
        return frozenset(_suffixes().tlds)
    lines = bundled.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("//"))


def _suffix_labels(labels: list[str]) -> int:
    """How many labels at the end of a host are a suffix by the longest rule; 0 where no rule knows it."""
    rules = _rules()
    count = len(labels)
    for first in range(count):
        end = ".".join(labels[first:])
        if "!" + end in rules:
            return count - first - 1
        if end in rules or "*." + ".".join(labels[first + 1 :]) in rules:
            return count - first
    return 0


@lru_cache(50_000)
def registrable(host: str) -> tuple[str, str]:
    """The domain of a host that somebody can own, and its label; empty where there is none."""
    if host.isascii() and "xn--" not in host:
        labels = host.split(".")
        length = _suffix_labels(labels)
        domain = labels[-length - 1] if 0 < length < len(labels) else ""
        suffix = ".".join(labels[-length:]) if length else ""
    else:
        found = _suffixes()(host)
        domain, suffix = found.domain, found.suffix
    if not domain or not suffix or suffix in _SHARED:
        return "", ""
    whole = f"{domain}.{suffix}"
    return ("", "") if whole in _SHARED else (whole, squashed(domain))


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
    if "." not in name:
        return ""
    text, _, form = name.strip().partition(" ")
    if "." not in text or (form and (squashed(form),) not in _LEGAL_FORMS):
        return ""
    host = _host(text)
    return host if host and registrable(host)[0] else ""


def tenant_in_name(name: str) -> str:
    """The label of a name that is nothing but a host under a shared one: "acme.onmicrosoft.com"."""
    host = _host(name) if "." in name and " " not in name.strip() else ""
    label, _, shared = host.partition(".")
    return label if shared in _SHARED and label != "www" else ""


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


@lru_cache(10_000)
def _read_street(street: str) -> str:
    """A street as it is compared ("12 Main St." is "12 Main Street"); empty without a number."""
    words = _STREET_WORD.findall(fold(street).lower().replace(".", ""))
    if not any(word[0].isdigit() or word[-1].isdigit() for word in words):
        return ""
    return "".join(_SHORT_STREETS.get(word, word) for word in words).replace("strasse", "str")


def read_contact(
    domain: str, phone: str, city: str, state: str, postal_code: str, street: str = ""
) -> Contact:
    """Read all fields beside a name; any of them may be empty."""
    if not (domain or phone or city or state or postal_code or street):
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
        street=_read_street(street) if street else "",
    )
