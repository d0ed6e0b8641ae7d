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
