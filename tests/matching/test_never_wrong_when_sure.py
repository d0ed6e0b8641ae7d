"""What is added to a tenant never turns a right answer into a wrong *sure* one."""

from hypothesis import given
from hypothesis import strategies as st

from integrations.matching import Company, Organization, Tier, suggest
from tests.benchmarks.matching.hard_cases import near_surnames
from tests.support.properties import examples

HEADS = ["Tarnbrook Joinery", "Quillfeather Dental", "Ostley Freight", "Wrenford Bakery", "Orvane Biotech"]
TOWNS = ["Leeds", "Derby", "Perth", "Hobart", "Tulsa", "Boulder"]
SITES = ["", " Office", " Branch", " Store", " Campus"]
ADDED = ["{} - {}", "{} ({})", "{} | {}", "{}, {}", "{} {}"]
LEGAL = ["", " LLC", ", Inc.", " Ltd"]
PAIRS = near_surnames()[::40]


@st.composite
def written(draw: st.DrawFn, head: str, town: str, site: str) -> str:
    """A site's name, written in one of the usual ways."""
    return draw(st.sampled_from(ADDED)).format(head, town + site) + draw(st.sampled_from(LEGAL))


@st.composite
def sister_sites(draw: st.DrawFn) -> tuple[Organization, Company, list[Company]]:
    """An organization, its company, and sister sites of it, which may share its domain and telephone."""
    head, site = draw(st.sampled_from(HEADS)), draw(st.sampled_from(SITES))
    towns = draw(st.lists(st.sampled_from(TOWNS), min_size=2, max_size=4, unique=True))
    domain = draw(st.sampled_from(["", "owner-of-all.com"]))
    phone = draw(st.sampled_from(["", "5552013344"]))
    own = draw(st.sampled_from([head, draw(written(head, towns[0], site))]))
    organization = Organization("o", own, domain, phone)
    company = Company(
        "right", draw(st.sampled_from([own, draw(written(head, towns[0], site))])), domain, phone
    )
    sisters = [
        Company(f"sister-{number}", draw(written(head, town, site)), domain, phone)
        for number, town in enumerate(towns[1:])
    ]
    return organization, company, sisters


@st.composite
def shared_additions(draw: st.DrawFn) -> tuple[Organization, Company, list[Company]]:
    """Companies of other names with the same addition."""
    one, *others = draw(st.lists(st.sampled_from(HEADS), min_size=2, max_size=4, unique=True))
    town, site = draw(st.sampled_from(TOWNS)), draw(st.sampled_from(SITES))
    organization = Organization("o", draw(written(one, town, site)))
    company = Company("right", draw(st.sampled_from([one, draw(written(one, town, site))])))
    return (
        organization,
        company,
        [Company(f"other-{n}", draw(written(o, town, site))) for n, o in enumerate(others)],
    )


@st.composite
def near_families(draw: st.DrawFn) -> tuple[Organization, Company, list[Company]]:
    """A company of a surname one letter away, in the same trade."""
    one, two = draw(st.sampled_from(PAIRS))
    trade, domain = (
        draw(st.sampled_from(["Law", "Dental", "Roofing"])),
        draw(st.sampled_from(["", "same.com"])),
    )
    organization = Organization("o", f"{one} {trade}", domain)
    company = Company("right", f"{one} {trade}{draw(st.sampled_from(LEGAL))}")
    return organization, company, [Company("near", f"{two} {trade}{draw(st.sampled_from(LEGAL))}", domain)]


@examples(120)
@given(st.one_of(sister_sites(), shared_additions(), near_families()), st.booleans())
def test_what_is_added_never_makes_a_wrong_answer_sure(
    tenant: tuple[Organization, Company, list[Company]], is_there: bool
) -> None:
    organization, company, added = tenant
    with_right = [company] if is_there else []
    before = suggest([organization], with_right)[0]
    after = suggest([organization], [*with_right, *added])[0]
    assert before.tier is not Tier.SURE or before.company_id == "right"
    assert after.tier is not Tier.SURE or after.company_id == "right", (before, after)
