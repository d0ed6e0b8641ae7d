"""How two tools come to spell one customer differently. Each function gives the other tool's spelling."""

from __future__ import annotations

import random
from collections.abc import Callable

from integrations.demo.businesses import Business, plain_words
from integrations.demo.words import ABBREVIATIONS, SURNAMES

Spelling = Callable[[Business, random.Random], str]


def same(business: Business, rng: random.Random) -> str:
    """Just as it writes itself."""
    return business.full_name


def other_legal_form(business: Business, rng: random.Random) -> str:
    """Without the legal form, or with another one that somebody guessed."""
    if rng.random() < 0.7:
        return business.core
    others = [form for form in ("LLC", "Inc", "Inc.", "Co", "Ltd") if form != business.legal_form]
    return f"{business.core} {rng.choice(others)}"


def capitals(business: Business, rng: random.Random) -> str:
    """As an old billing system printed it: capitals, "AND", no punctuation."""
    name = business.full_name.replace("&", "and").upper()
    return " ".join("".join(sign for sign in name if sign not in ".,'").split())


def typing_error(business: Business, rng: random.Random) -> str:
    """One slip in the longest word: a letter lost, doubled, or swapped with its neighbour."""
    words = business.core.split()
    longest = max(words, key=len)
    at = rng.randrange(1, max(2, len(longest) - 2))
    slips = (
        longest[:at] + longest[at + 1 :],
        longest[:at] + longest[at] + longest[at:],
        longest[:at] + longest[at + 1 : at + 2] + longest[at] + longest[at + 2 :],
    )
    changed = [slip for slip in slips if slip != longest]
    words[words.index(longest)] = rng.choice(changed)
    return " ".join(words) + (f" {business.legal_form}" if business.legal_form else "")


def trading_as(business: Business, rng: random.Random) -> str:
    """The legal entity first, the known name behind "dba"."""
    owner = rng.choice(SURNAMES)
    entity = rng.choice((f"{owner} Enterprises LLC", f"{owner} Holdings Inc", f"{owner} Group LLC"))
    return f"{entity} {rng.choice(('dba', 'DBA', 'd/b/a'))} {business.core}"


def formerly(business: Business, rng: random.Random) -> str:
    """Renamed, with the old name kept behind it."""
    return f"{rng.choice(SURNAMES)} {business.core.split()[-1]} (formerly {business.core})"


def abbreviated(business: Business, rng: random.Random) -> str:
    """Long words cut as clerks cut them; another legal form where there is nothing to cut."""
    words = [ABBREVIATIONS.get(word, word) for word in business.core.split()]
    return " ".join(words) if words != business.core.split() else other_legal_form(business, rng)


def joined(business: Business, rng: random.Random) -> str:
    """The first two words written as one."""
    first, *rest = business.core.replace(" & ", "&").split()
    return " ".join([first + rest[0], *rest[1:]]) if rest else business.core


def with_place(business: Business, rng: random.Random) -> str:
    """The town put behind the name."""
    city = business.place.city
    return rng.choice((f"{business.core} - {city}", f"{business.core} ({city})", f"{business.core} / {city}"))


def decorated(business: Business, rng: random.Random) -> str:
    """With somebody's private mark."""
    return rng.choice(
        (
            f"* {business.full_name}",
            f"{business.full_name} [Managed]",
            f"{business.core} - VIP",
            f"{business.full_name} (Gold)",
            f"{client_code(business)} - {business.core}",
        )
    )


def untidy(business: Business, rng: random.Random) -> str:
    """Blanks where none belong."""
    name = business.full_name
    return rng.choice((f"{name} ", name.replace(" ", "  ", 1), f" {name}"))


def without_article(business: Business, rng: random.Random) -> str:
    """With "The" in front, and "and" for the sign."""
    return f"The {business.core}".replace(" & ", " and ")


def initials(business: Business, rng: random.Random) -> str:
    """The letters that staff say on the telephone; the full name where they would be fewer than three."""
    letters = "".join(word[0] for word in plain_words(business.core) if word not in {"and", "of"}).upper()
    return letters if len(letters) >= 3 else business.core


def superseded(business: Business, rng: random.Random) -> str:
    """The dead double of a company that was entered twice."""
    name = business.full_name
    return rng.choice(
        (f"{name} (OLD)", f"{name} - DO NOT USE", f"zz {name}", f"OLD - {name}", f"{name} (duplicate)")
    )


def client_code(business: Business) -> str:
    """A code as billing systems make it: "BRA014"."""
    letters = "".join(plain_words(business.core)).upper()[:3].ljust(3, "X")
    return f"{letters}{int(business.phone[-4:]) % 900 + 10:03}"


# (share of the organizations, kind, spelling in our tool, spelling in the PSA)
SPELLINGS: tuple[tuple[int, str, Spelling, Spelling], ...] = (
    (24, "same", same, same),
    (22, "legal form", other_legal_form, same),
    (9, "capitals", other_legal_form, capitals),
    (6, "typing error", other_legal_form, typing_error),
    (4, "typing error of ours", typing_error, same),
    (5, "dba", other_legal_form, trading_as),
    (2, "formerly", other_legal_form, formerly),
    (7, "abbreviated", same, abbreviated),
    (3, "joined words", joined, same),
    (5, "place added", other_legal_form, with_place),
    (5, "decorated", other_legal_form, decorated),
    (4, "blanks", other_legal_form, untidy),
    (2, "article", without_article, same),
    (2, "initials", initials, same),
)
