"""Invented tenants of any size with known truth, for timing and for a check on data no fit has seen.

Names are put together from invented surnames, ordinary words, trades and places; each organization is a
company re-spelled, or has no counterpart. The same seed gives the same tenant.
"""

import random
from dataclasses import dataclass

from integrations.matching import wordlists
from integrations.matching.records import Company, Organization

_ONSETS = [
    "b",
    "bl",
    "br",
    "c",
    "ch",
    "cl",
    "cr",
    "d",
    "dr",
    "f",
    "fl",
    "fr",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "qu",
    "r",
    "s",
    "sch",
    "sh",
    "sl",
    "st",
    "str",
    "t",
    "th",
    "tr",
    "v",
    "w",
    "z",
]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "au", "ea", "ee", "ie", "oa", "ou"]
_CODAS = ["", "", "ck", "ld", "ll", "n", "nd", "nn", "r", "rd", "rt", "s", "ss", "t", "tt", "x", "m"]
_ENDINGS = ["", "er", "son", "man", "ski", "ton", "ley", "field", "berg", "ini", "ez", "ard"]
_TRADES = [
    "Plumbing",
    "Electric",
    "Roofing",
    "Dental",
    "Dental Group",
    "Landscaping",
    "Consulting",
    "Law",
    "Accounting",
    "Realty",
    "Logistics",
    "Construction",
    "Insurance",
    "Auto Repair",
    "Marketing",
    "Engineering",
    "Manufacturing",
    "Bakery",
    "Pharmacy",
    "Veterinary Clinic",
    "Financial Services",
    "Holdings",
    "Properties",
    "Technologies",
    "Staffing",
    "Security",
    "Catering",
]
_LEGAL = [
    "",
    "",
    "",
    ", Inc.",
    " Inc",
    " LLC",
    ", LLC",
    " Ltd",
    " Limited",
    " Corp.",
    " Pty Ltd",
    " LLP",
    " Co.",
]
_CITIES = [
    "Ashport",
    "Brindle",
    "Calverton",
    "Dunmore",
    "Eastwick",
    "Farholm",
    "Glenrow",
    "Harwich",
    "Kelso",
    "Lindale",
    "Merton",
    "Norfell",
]
_SHORTER = {
    "Services": "Svcs",
    "Manufacturing": "Mfg",
    "Group": "Grp",
    "Engineering": "Eng",
    "Technologies": "Tech",
}


@dataclass(frozen=True, slots=True)
class SyntheticTenant:
    """Both lists, and the company of each organization that has one."""

    organizations: list[Organization]
    companies: list[Company]
    truth: dict[str, str]


def surname(rng: random.Random) -> str:
    """An invented surname."""
    syllables = rng.choice((1, 1, 2))
    stem = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(syllables))
    return (stem + rng.choice(_ENDINGS)).title()


def _base_name(rng: random.Random, words: list[str]) -> str:
    trade = rng.choice(_TRADES)
    kind = rng.random()
    if kind < 0.35:
        return f"{surname(rng)} {trade}"
    if kind < 0.5:
        return f"{surname(rng)} & {surname(rng)} {trade}"
    if kind < 0.75:
        return f"{rng.choice(words).title()} {rng.choice(words).title()} {trade}"
    if kind < 0.85:
        return f"{rng.choice(words).title()} {surname(rng)}"
    if kind < 0.93:
        return f"{surname(rng)} {rng.choice(words).title()} of {rng.choice(_CITIES)}"
    return f"{''.join(rng.choices('ABCDEFGHKLMNPRST', k=3))} {rng.choice(words).title()} {trade}"


def typo(rng: random.Random, name: str) -> str:
    """The name with one letter left out, added or exchanged with its neighbour."""
    at = rng.randrange(1, max(2, len(name) - 1))
    kind = rng.randrange(3)
    if kind == 0:
        return name[:at] + name[at + 1 :]
    if kind == 1:
        return name[:at] + rng.choice("aeiourstln") + name[at:]
    return name[: at - 1] + name[at : at + 1] + name[at - 1 : at] + name[at + 1 :]


def _respelled(rng: random.Random, name: str, city: str) -> str:
    kind = rng.random()
    if kind < 0.15:
        name = typo(rng, name)
    elif kind < 0.25:
        for word, short in _SHORTER.items():
            name = name.replace(word, short)
    elif kind < 0.35:
        name = name.replace(" & ", " and ")
    elif kind < 0.42:
        name = name.upper()
    elif kind < 0.5:
        name = f"{name} - {city}"
    elif kind < 0.55:
        name = f"{name} [{rng.randrange(1000, 9999)}]"
    elif kind < 0.6:
        name = "The " + name
    elif kind < 0.65:
        name = name.replace(" ", "", 1)
    return name + rng.choice(_LEGAL)


def tenant(organizations: int, companies: int, seed: int, evidence: float = 0.3) -> SyntheticTenant:
    """A tenant of that size. ``evidence``: share of organizations with a domain, and as many with a phone."""
    rng = random.Random(seed)
    words = sorted(word for word in wordlists.common_words() if len(word) > 3)
    bases: list[str] = []
    seen: set[str] = set()
    while len(bases) < companies + organizations:
        name = _base_name(rng, words)
        if name not in seen:
            seen.add(name)
            bases.append(name)
    rows: list[Company] = []
    facts: list[tuple[str, str, str]] = []
    for number, base in enumerate(bases):
        domain = "".join(c for c in base.lower() if c.isalnum())[:20] + ".com"
        facts.append((domain, str(rng.randrange(2_000_000_000, 9_999_999_999)), rng.choice(_CITIES)))
        if number < companies:
            rows.append(
                Company(
                    f"C{number}",
                    base + rng.choice(_LEGAL),
                    facts[-1][0] if rng.random() < 0.6 else "",
                    facts[-1][1] if rng.random() < 0.7 else "",
                    facts[-1][2],
                )
            )
    ours: list[Organization] = []
    truth: dict[str, str] = {}
    matched = rng.sample(range(companies), min(companies, organizations * 2 // 3))
    absent = range(companies, companies + organizations - len(matched))
    for number, source in enumerate(rng.sample([*matched, *absent], organizations)):
        domain, phone, city = facts[source]
        ours.append(
            Organization(
                f"O{number}",
                _respelled(rng, bases[source], city),
                domain if rng.random() < evidence else "",
                phone if rng.random() < evidence else "",
            )
        )
        if source < companies:
            truth[f"O{number}"] = f"C{source}"
    return SyntheticTenant(ours, rows, truth)
