"""What people and systems have settled comes before any comparison."""

from integrations.matching import Company, Knowledge, Organization, Tier, explain, suggest

COMPANIES = [
    Company("11", "Bramble & Finch Joinery, LLC", number="B-100"),
    Company("12", "Quillfeather Dental Studio"),
    Company("13", "Quillfeather Dental Holdings"),
]
DENTAL = Organization("a", "Quillfeather Dental Studio")


def test_a_rejection_leads_to_no_second_best() -> None:
    (answer,) = suggest([DENTAL], COMPANIES, knowledge=Knowledge(rejected=frozenset({("a", "12")})))
    assert answer.company_id is None
    assert "12" not in {alternative.company_id for alternative in answer.alternatives}


def test_a_rejected_name_holds_in_an_instance_with_other_ids() -> None:
    knowledge = Knowledge(rejected_names={"a": ("QUILLFEATHER DENTAL STUDIO",)})
    (answer,) = suggest([DENTAL], [Company("977", "Quillfeather Dental Studio")], knowledge=knowledge)
    assert answer.company_id is None


def test_a_rejection_does_not_hold_for_other_organizations() -> None:
    knowledge = Knowledge(rejected=frozenset({("b", "12")}))
    (answer,) = suggest([DENTAL], COMPANIES, knowledge=knowledge)
    assert answer.company_id == "12"


def test_a_rejection_outweighs_an_identifier() -> None:
    knowledge = Knowledge(company_ids={"a": "12"}, rejected=frozenset({("a", "12")}))
    (answer,) = suggest([DENTAL], COMPANIES, knowledge=knowledge)
    assert answer.company_id is None


def test_two_organizations_with_one_identifier_are_left_to_comparison() -> None:
    organizations = [DENTAL, Organization("b", "Zebra Kiosk")]
    first, second = suggest(organizations, COMPANIES, knowledge=Knowledge(company_ids={"a": "12", "b": "12"}))
    assert (first.company_id, second.company_id) == ("12", None)


def test_two_companies_of_an_accepted_name_are_ambiguous() -> None:
    companies = [*COMPANIES, Company("14", "Quillfeather Dental Studio")]
    knowledge = Knowledge(aliases={"a": ("Quillfeather Dental Studio",)})
    (answer,) = suggest([DENTAL], companies, knowledge=knowledge)
    assert answer.tier is Tier.AMBIGUOUS
    assert {alternative.company_id for alternative in answer.alternatives} == {"12", "14"}


def test_several_organizations_to_one_company_only_when_switched_on() -> None:
    organizations = [DENTAL, Organization("b", "Quillfeather Dental Studio LLC")]
    one_to_one = suggest(organizations, COMPANIES)
    several = suggest(organizations, COMPANIES, several_to_one=True)
    assert [a.tier for a in one_to_one] == [Tier.AMBIGUOUS, Tier.AMBIGUOUS]
    assert [a.company_id for a in several] == ["12", "12"]


def test_the_reason_says_that_a_company_of_the_name_is_inactive() -> None:
    organization = Organization("a", "Tarnbrook Haulage")
    (answer,) = suggest([organization], [Company("5", "Tarnbrook Haulage Ltd", is_active=False)])
    assert "inactive" in answer.reasons[0]


def test_twins_say_what_would_tell_them_apart() -> None:
    twins = [
        Company("1", "Tarnbrook Joinery", "tarnbrook-a.com", city="Ashport"),
        Company("2", "Tarnbrook Joinery", "tarnbrook-b.com", city="Kelso"),
    ]
    (answer,) = suggest([Organization("a", "Tarnbrook Joinery")], twins)
    assert answer.tier is Tier.AMBIGUOUS
    figure = f"{answer.confidence:.2f}"
    assert answer.reasons[:2] == (
        f"2 companies fit equally well ({figure}, {figure})",
        "the organization's domain or city would tell them apart",
    )


def test_an_explanation_tells_why_not() -> None:
    cases = {
        "0": "this is the MSP's own record",
        "7": "the company is inactive",
        "8": "already mapped",
        "12": "a person said no",
    }
    companies = [
        *COMPANIES,
        Company("0", "Quillfeather Dental Studio"),
        Company("7", "Quillfeather Dental Studio", is_active=False),
        Company("8", "Quillfeather Dental Studio"),
    ]
    knowledge = Knowledge(mapped={"z": "8"}, rejected=frozenset({("a", "12")}))
    for company_id, why in cases.items():
        explanation = explain("a", company_id, [DENTAL], companies, knowledge=knowledge)
        assert explanation.verdict.startswith("not suggested")
        assert why in explanation.verdict


def test_an_explanation_adds_up() -> None:
    organization = Organization("a", "Bramble and Fynch Joinery Inc", domain="bramblefinch.com")
    explanation = explain("a", "11", [organization], COMPANIES)
    assert explanation.verdict.startswith("suggested as ")
    assert [(w.organization_word, w.company_word) for w in explanation.words] == [
        ("bramble", "bramble"),
        ("fynch", "finch"),
        ("joinery", "joinery"),
    ]
    assert explanation.organization.legal_forms == ("inc",)
    strengths = [abs(c.contribution) for c in explanation.contributions]
    assert strengths == sorted(strengths, reverse=True)
    assert all(c.label for c in explanation.contributions)


def test_a_tenant_id_names_the_company_under_another_name() -> None:
    tenant = "6f0c9a44-1f0e-4d36-9a0c-6b0c33d0a111"
    companies = [*COMPANIES, Company("15", "Acorn Building", tenant_id=tenant)]
    (answer,) = suggest(
        [Organization("c", "Zentora")], companies, knowledge=Knowledge(tenant_ids={"c": tenant})
    )
    assert (answer.company_id, answer.tier) == ("15", Tier.LIKELY)
    assert answer.reasons[-1] == 'the names differ: "Zentora" / "Acorn Building"'


def test_a_domain_that_nobody_else_holds_proposes_the_company_under_another_name() -> None:
    organization = Organization("c", "Zentora", domain="zentora.com")
    companies = [*COMPANIES, Company("15", "Acorn Building", "www.zentora.com")]
    (answer,) = suggest([organization], companies)
    assert (answer.company_id, answer.tier) == ("15", Tier.LIKELY)
    assert answer.reasons[0].endswith('the names differ: "Zentora" / "Acorn Building"')


def test_a_domain_that_several_hold_proposes_nobody_under_another_name() -> None:
    organization = Organization("c", "Zentora", domain="zentora.com")
    companies = [
        Company("15", "Acorn Building", "www.zentora.com"),
        Company("16", "Ludvig Bikes", "www.zentora.com"),
    ]
    (answer,) = suggest([organization], companies)
    assert answer.company_id is None


def test_one_company_held_twice_is_one_answer_that_names_both() -> None:
    companies = [
        Company("21", "Alice Brandt LLC", phone="555-201-3344"),
        Company("22", "Alice Brandt, Inc.", phone="(555) 201 3344"),
    ]
    (answer,) = suggest([Organization("d", "Alice Brandt")], companies)
    assert (answer.company_id, answer.tier) == ("21", Tier.LIKELY)
    assert '"Alice Brandt LLC" and "Alice Brandt, Inc." share a telephone number' in answer.reasons[0]
    assert [alternative.company_id for alternative in answer.alternatives] == ["22"]


def test_of_one_company_held_twice_the_active_one_is_proposed() -> None:
    companies = [
        Company("21", "Alice Brandt LLC", phone="555-201-3344", is_active=False),
        Company("22", "Alice Brandt, Inc.", phone="(555) 201 3344"),
    ]
    (answer,) = suggest([Organization("d", "Alice Brandt")], companies, include_inactive=True)
    assert (answer.company_id, answer.tier) == ("22", Tier.LIKELY)


def test_twins_that_nothing_tells_apart_stay_ambiguous() -> None:
    companies = [
        Company("21", "Alice Brandt LLC"),
        Company("22", "Alice Brandt, Inc.", phone="(555) 201 3344"),
    ]
    (answer,) = suggest([Organization("d", "Alice Brandt")], companies)
    assert answer.tier is Tier.AMBIGUOUS


def test_a_street_makes_two_records_one_company() -> None:
    twice = [
        Company("21", "Quillmore Bakery Ltd", street="12 Harbour Street", city="Kelso"),
        Company("22", "Quillmore Bakery", street="12, Harbour St."),
    ]
    (answer,) = suggest([Organization("a", "Quillmore Bakery")], twice)
    assert (answer.company_id, answer.tier) == ("21", Tier.LIKELY)
    assert "share a street" in answer.reasons[0]
    apart = [twice[0], Company("22", "Quillmore Bakery", street="14 Harbour Street")]
    (answer,) = suggest([Organization("a", "Quillmore Bakery")], apart)
    assert answer.tier is Tier.AMBIGUOUS
    without_number = [Company(c.id, c.name, street="Harbour Street") for c in twice]
    (answer,) = suggest([Organization("a", "Quillmore Bakery")], without_number)
    assert answer.tier is Tier.AMBIGUOUS


def test_of_one_company_held_twice_the_mapped_one_is_proposed() -> None:
    twice = [Company(key, "Quillmore Bakery", phone="5552013344") for key in ("21", "22")]
    knowledge = Knowledge(mapped={"other": "22"})
    organizations = [Organization("a", "Quillmore Bakery"), Organization("other", "Quillmore Bakery")]
    answer, _ = suggest(organizations, twice, knowledge=knowledge, several_to_one=True)
    assert (answer.company_id, answer.tier) == ("22", Tier.LIKELY)
    assert "this one is mapped already" in answer.reasons[0]
