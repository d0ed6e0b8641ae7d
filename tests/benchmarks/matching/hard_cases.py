"""Invented tenants of what people get wrong: near surnames, sister sites, shared additions, small words.

What a generator does not make is not learnt. Each kind is a function that returns an organization's name and
fields, its company's (None where it has none) and the companies beside it; ``hard_sets`` mixes them.
The same seed gives the same tenants. Names are put together from the portal's own word lists.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from integrations.matching import wordlists
from tests.benchmarks.matching import synthetic

Row = dict[str, str]
Pick = random.Random

_SITES = ["", "", " Office", " Campus", " Branch", " Store", " Plant", " Clinic", " Warehouse"]
_LEGAL = ["", "", " LLC", ", Inc.", " Ltd", " Limited", " Corp"]
_TRADES = [
    "Law",
    "Dental",
    "Insurance",
    "Plumbing",
    "Realty",
    "Roofing",
    "Accounting",
    "Electric",
    "Foods",
    "Media",
    "Logistics",
    "Bakery",
    "Printing",
    "Engineering",
    "Vets",
    "Optical",
    "Joinery",
    "Interiors",
]
_EDGE = ["On {}", "To {}", "{} On", "In {}", "Up {}", "A to {}", "{} & Die", "For {}", "By {}", "{} To Go"]
_MIDDLE = [
    ("Center for {}", "Center {}"),
    ("Inn at {}", "Inn {}"),
    ("House of {}", "House {}"),
    ("Casa de {}", "Casa {}"),
]
_STATES = ["Texas", "Ohio", "Kansas", "Nevada", "Idaho", "Oregon", "Florida"]
_SEVERAL = {
    "ortho": ["Orthodontics", "Orthopedics"],
    "elec": ["Electronics", "Electric"],
    "phys": ["Physicians", "Physiotherapy"],
    "comm": ["Communications", "Commercial"],
    "prod": ["Productions", "Products"],
    "pharm": ["Pharmacy", "Pharmaceuticals"],
}
_UMLAUTS = [
    ("Müll", "Muell"),
    ("Schröd", "Schroed"),
    ("Bräu", "Braeu"),
    ("Grön", "Groen"),
    ("Lübk", "Luebk"),
    ("Sør", "Soer"),
]
_BODIES = [
    ("{}", "{} Borough Council"),
    ("{}", "{} District Council"),
    ("City of {}", "{} City Council"),
    ("{} UA", "{} Council"),
    ("Town of {}", "{} Town Council"),
    ("{} Boro", "London Borough of {}"),
    ("Village of {}", "{} Village Hall"),
    ("{} County", "{} County Council"),
    ("{} city", "City of {}"),
]
_OTHER_BODIES = [
    ("City of {}", "{} County Council"),
    ("{} Fire Authority", "{} Council"),
    ("Town of {}", "{} County"),
]
_SWAPS = [
    ("Law", "Lawn"),
    ("Vets", "Pets"),
    ("Pool", "Tool"),
    ("Dental", "Rental"),
    ("Bank", "Bark"),
    ("Print", "Paint"),
]


@dataclass
class Case:
    """One organization; ``right`` is None where it has no company; ``others`` stand beside it."""

    ours: Row
    right: Row | None
    others: list[Row] = field(default_factory=list)
    ambiguous: bool = False


@cache
def near_surnames() -> list[tuple[str, str]]:
    """Pairs of surnames that differ by one letter in the middle."""
    names = sorted(name for name in wordlists.surnames() if 4 <= len(name) <= 8)
    by_gap: dict[str, list[str]] = {}
    for name in names:
        for at in range(1, len(name) - 1):
            by_gap.setdefault(f"{name[:at]}_{name[at + 1 :]}", []).append(name)
    return [(group[0].title(), group[-1].title()) for group in by_gap.values() if len(group) > 1]


def _town(rng: Pick) -> str:
    return rng.choice(_towns()).title()


@cache
def _towns() -> list[str]:
    return sorted(place for place in wordlists.places() if place.isalpha() and 5 <= len(place) <= 10)


def _head(rng: Pick) -> str:
    return f"{synthetic.surname(rng)} {rng.choice(_TRADES)}"


def _row(name: str, **fields: str) -> Row:
    return {"name": name, **fields}


def _phone(rng: Pick) -> str:
    return str(rng.randrange(2_000_000_000, 9_999_999_999))


def _added(rng: Pick, head: str, addition: str) -> str:
    return rng.choice(["{} - {}", "{} ({})", "{} | {}", "{}, {}", "{} {}"]).format(head, addition)


def near_surname(rng: Pick) -> Case:
    one, two = rng.choice(near_surnames())
    trade = rng.choice(_TRADES)
    others = [_row(f"{two} {trade}{rng.choice(_LEGAL)}", phone=_phone(rng))]
    right = _row(f"{one} {trade}{rng.choice(_LEGAL)}") if rng.random() < 0.4 else None
    return Case(_row(f"{one} {trade}", phone=_phone(rng) if rng.random() < 0.3 else ""), right, others)


def sister_site(rng: Pick) -> Case:
    head, (one, two), site = _head(rng), rng.sample(_towns(), 2), rng.choice(_SITES)
    web = f"{head.replace(' ', '').lower()}.com" if rng.random() < 0.5 else ""
    ours = _row(_added(rng, head, one.title() + site), web=web)
    others = [_row(_added(rng, head, two.title() + site), web=web)]
    right = _row(_added(rng, head, one.title() + site), web=web) if rng.random() < 0.4 else None
    return Case(ours, right, others)


def site_of_parent(rng: Pick) -> Case:
    head, town = _head(rng), _town(rng)
    if rng.random() < 0.5:
        return Case(_row(_added(rng, head, town)), _row(head + rng.choice(_LEGAL), city=town))
    return Case(
        _row(head + rng.choice([" HQ", " - Head Office", " (Main Office)"])), _row(head + rng.choice(_LEGAL))
    )


def shared_addition(rng: Pick) -> Case:
    addition = rng.choice([_town(rng), "Warehouse", "DE", rng.choice(_STATES), f"{_town(rng)} Mall"])
    one, two = _head(rng), _head(rng)
    style = rng.choice(["{} - {}", "{} ({})", "{} | {}"])
    right = _row(style.format(one, addition) + rng.choice(_LEGAL)) if rng.random() < 0.5 else None
    return Case(_row(style.format(one, addition)), right, [_row(style.format(two, addition))])


def edge_word(rng: Pick) -> Case:
    word = rng.choice(sorted(w for w in wordlists.common_words() if 4 <= len(w) <= 8)).title()
    form = rng.choice(_EDGE)
    tail = rng.choice(["", "", f" {rng.choice(_TRADES)}"])
    ours, other = form.format(word) + tail, word + tail
    right = _row(ours + rng.choice(_LEGAL)) if rng.random() < 0.5 else None
    if rng.random() < 0.5 and right is None:
        ours, other = other, ours
    return Case(_row(ours), right, [_row(other + rng.choice(_LEGAL))])


def middle_word(rng: Pick) -> Case:
    one, two = rng.choice(_MIDDLE)
    word = synthetic.surname(rng)
    return Case(_row(one.format(word)), _row(two.format(word) + rng.choice(_LEGAL)))


def one_letter_brand(rng: Pick) -> Case:
    brand = synthetic.surname(rng)
    at = rng.randrange(1, len(brand))
    other = brand[:at] + rng.choice("aeioxzkmn") + brand[at + 1 :]
    tail = rng.choice(["", " Holdings", " Media", " Group", " Systems"])
    right = _row(f"{brand}{tail}{rng.choice(_LEGAL)}") if rng.random() < 0.6 else None
    return Case(
        _row(brand + tail), right, [_row(f"{other}{tail}{rng.choice(_LEGAL)}")] if other != brand else []
    )


def public_body(rng: Pick) -> Case:
    place, near = synthetic.surname(rng) + rng.choice(["ham", "ley", "shire"]), synthetic.surname(rng) + "ham"
    if rng.random() < 0.35:
        one, two = rng.choice(_OTHER_BODIES)
        return Case(_row(one.format(place)), None, [_row(two.format(place))])
    one, two = rng.choice(_BODIES)
    others = [_row(two.format(near)), _row(f"{place} {rng.choice(['Dental', 'Winery', 'Motors'])}")]
    return Case(_row(one.format(place)), _row(two.format(place)), others)


def short_form(rng: Pick) -> Case:
    head = synthetic.surname(rng)
    short, (one, two) = rng.choice(sorted(_SEVERAL.items()))
    if rng.random() < 0.5:
        return Case(
            _row(f"{head} {short.title()}"), _row(f"{head} {one}"), [_row(f"{head} {two}")], ambiguous=True
        )
    return Case(_row(f"{head} {short.title()}"), _row(f"{head} {one}"), [_row(f"{head} Catering")])


def umlaut(rng: Pick) -> Case:
    one, two = rng.choice(_UMLAUTS)
    rest = rng.choice(["er", "ing", "mann", "dal", "sen"])
    tail = rng.choice([" Reisen GmbH", " Elektro", " Bau AG", " Bygg AS", " Data AB"])
    ours, theirs = one + rest + tail, two + rest + tail
    if rng.random() < 0.5:
        ours, theirs = theirs, ours
    return Case(_row(ours), _row(theirs), [_row("Moll" + rest + tail)])


def plural(rng: Pick) -> Case:
    head, word = (
        synthetic.surname(rng),
        rng.choice(["Film", "Part", "Science", "Tool", "Game", "Kitchen", "Yacht", "Garment"]),
    )
    middle = rng.choice(["", "Auto ", "Health ", "Custom "])
    end = rng.choice(["", " Center"])
    return Case(_row(f"{head} {middle}{word}{end}"), _row(f"{head} {middle}{word}s{end}{rng.choice(_LEGAL)}"))


def family(rng: Pick) -> Case:
    name, trade = synthetic.surname(rng), rng.choice(_TRADES)
    return Case(_row(f"{name} {trade}"), None, [_row(f"{name}s' {trade}")])


def address(rng: Pick) -> Case:
    head = _head(rng)
    where = rng.choice(
        [
            f", {_town(rng)}, {rng.choice(_STATES)}, USA",
            ", Canada",
            f", {_town(rng)}",
            f", {rng.choice(_STATES)}",
        ]
    )
    return Case(_row(head + where), _row(head + rng.choice(_LEGAL)), [_row(_head(rng) + where)])


def person(rng: Pick) -> Case:
    given, other = (name.title() for name in rng.sample(_given(), 2))
    name = synthetic.surname(rng)
    kind = rng.random()
    if kind < 0.35:
        return Case(
            _row(f"Dr. {given} {name}"), _row(f"{name}, {given} {rng.choice(['MD', 'DDS', 'MD PC'])}")
        )
    if kind < 0.65:
        return Case(
            _row(f"Law Offices of {given} {name}"),
            _row(f"{name} Law, P.A."),
            [_row(f"Law Offices of {other} Rao")],
        )
    return Case(_row(f"{given} {name} CPA"), None, [_row(f"{other} {name} CPA")])


@cache
def _given() -> list[str]:
    return sorted(name for name in wordlists.given_names() if len(name) > 4)


def earlier_name(rng: Pick) -> Case:
    new, old = _head(rng), _head(rng)
    form = rng.choice(
        ["{} (was {})", "{} (formerly {})", "{} (old name: {})", "{}, previously {}", "{} dba {}"]
    )
    return Case(_row(form.format(new, old)), _row((new if rng.random() < 0.4 else old) + rng.choice(_LEGAL)))


def swapped_word(rng: Pick) -> Case:
    head, (one, two), phone = synthetic.surname(rng), rng.choice(_SWAPS), _phone(rng)
    shared = phone if rng.random() < 0.6 else ""
    return Case(_row(f"{head} {one}", phone=shared), None, [_row(f"{head} {two}", phone=shared)])


def web_name(rng: Pick) -> Case:
    label = synthetic.surname(rng).lower()
    if rng.random() < 0.5:
        return Case(
            _row(f"{label}.com"),
            _row(label.title() + rng.choice(_LEGAL)),
            [_row(f"{label[:-1].title()} Cars")],
        )
    right = _row(f"{label.title()} Industrial", web=f"www.{label}.com")
    return Case(_row(f"{label}.com"), right, [_row(f"{label[:-2].title()} Company")])


def misspelt(rng: Pick) -> Case:
    head = f"{synthetic.surname(rng)} {synthetic.surname(rng)} {rng.choice(_TRADES)}"
    return Case(_row(synthetic.typo(rng, head)), _row(head + rng.choice(_LEGAL)))


KINDS: tuple[Callable[[Pick], Case], ...] = (
    near_surname,
    sister_site,
    site_of_parent,
    shared_addition,
    edge_word,
    middle_word,
    one_letter_brand,
    public_body,
    short_form,
    umlaut,
    plural,
    family,
    address,
    person,
    earlier_name,
    swapped_word,
    web_name,
    misspelt,
)
_FIELDS = ("phone", "web", "city", "state", "postcode")
Lists = tuple[list[Row], list[Row], dict[str, set[str]]]


def hard_lists(seed: int, organizations: int = 120) -> Lists:
    """One tenant as rows of a labelled set: organizations, companies, truth."""
    rng = random.Random(seed)
    left: list[Row] = []
    right: list[Row] = []
    truth: dict[str, set[str]] = {}

    def company(row: Row) -> str:
        key = f"c{seed}-{len(right)}"
        right.append({**dict.fromkeys(_FIELDS, ""), **row, "id": key})
        return key

    for number in range(organizations):
        kind = rng.choice(KINDS)
        case = kind(rng)
        own = {
            "id": f"o{seed}-{number}",
            "known": "1",
            "cls": "ambiguous" if case.ambiguous else kind.__name__,
        }
        left.append({**dict.fromkeys(_FIELDS, ""), **case.ours, **own})
        if case.right is not None:
            truth[own["id"]] = {company(case.right)}
        for other in case.others:
            company(other)
    for _ in range(organizations):
        company(_row(_head(rng) + rng.choice(_LEGAL)))
    return left, right, truth


def hard_sets(tenants: int = 14) -> list[Lists]:
    """Tenants of hard cases only."""
    return [hard_lists(seed) for seed in range(1, tenants + 1)]
