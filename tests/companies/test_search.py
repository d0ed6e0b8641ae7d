"""What the company picker offers before anything is typed."""

from __future__ import annotations

import pytest

from integrations.services.companies.search import company_choices
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db


def test_companies_that_share_most_words_come_first() -> None:
    main = make_instance("Main")
    alcott = make_company(main, 1, "Alcott Chiropractic")
    make_company(main, 2, "Hathaway Welding")  # without the longest word
    heffelfinger = make_company(main, 3, "Ruth Heffelfinger Chiropractic")
    hathaway = make_company(main, 4, "RUTH HATHAWAY CHIROPRACTIC INC")
    holder = make_organization("Alcott")
    make_mapping(holder, alcott)
    choices = company_choices(main, make_organization("Ruth Hathaway Chiropractic PC"), "")
    assert [choice.company for choice in choices] == [hathaway, heffelfinger, alcott]
    assert [choice.taken_by for choice in choices] == ["", "", "Alcott"]


def test_an_id_that_another_tool_knows_finds_the_company_where_no_name_does() -> None:
    main = make_instance("Main")
    keyed = make_company(main, 1, "Alcott", user_value="K-77")
    taxed = make_company(main, 2, "Hathaway", tax_id="US-9")
    make_company(make_instance("Other"), 3, "Elsewhere", user_value="K-77")
    row = make_organization("Ruth")
    for text, company in (("k-77", keyed), ("US-9", taxed)):
        [choice] = company_choices(main, row, text)
        assert (choice.company, choice.reasons) == (company, [f"known elsewhere as {text}"])
    assert company_choices(main, row, "77") == []
    named = make_company(main, 4, "K-77 Storage")
    assert [choice.company for choice in company_choices(main, row, "K-77")] == [named]
