"""The review of rows that are mapped: kept, unmapped or remapped, and never half-decided by a stale page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import Company, IgnoredOrganization, MappingProposal, Organization, RejectedMatch
from integrations.services.audit import Batch
from integrations.services.history.undo import undo_batch
from integrations.services.suggestions.decisions import allow_match
from tests.support.rows import choose, make_company, make_instance, make_mapping, seen_of
from tests.support.simulated import actor_of, make_organization

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@dataclass
class Review:
    """A mapped row in the review, and another company to compare with."""

    browser: Client
    row: Organization
    company: Company
    other: Company

    def at(self, name: str, *rest: object) -> str:
        """An address of the configuration, on the tab of mapped rows."""
        return reverse(f"integrations:{name}", args=["autotask", self.company.instance_id, *rest])

    def page(self, **query: int) -> str:
        """The review of the row, opened from the tab of mapped rows."""
        asked: dict[str, str | int] = {"state": "mapped", "organization": self.row.pk, **query}
        return self.browser.get(self.at("review"), asked).content.decode()

    def press(self, decision: str, company: Company | None = None) -> str:
        """Decide the row; what the page says then."""
        values = {"decision": decision, "seen": seen_of(self.row)}
        values |= {"company": str(company.pk)} if company else {}
        address = f"{self.at('review_decide', self.row.pk)}?state=mapped"
        return self.browser.post(address, values, headers=HTMX).content.decode()

    def stands(self) -> int | None:
        """The company that the row is mapped to."""
        present = self.row.mappings.filter(removed_at=None)
        return present.values_list("company", flat=True).first()


@pytest.fixture
def review(member: User, client_of: Callable[[User], Client]) -> Review:
    main = make_instance("Main")
    row = make_organization("Ravensworth Dental Care")
    company, other = (
        make_company(main, 101, "Ravensworth Dental"),
        make_company(main, 102, "Ravensby Roofing"),
    )
    make_mapping(row, company, member)
    return Review(client_of(member), row, company, other)


def test_a_mapped_row_is_kept_or_unmapped_and_enter_keeps(review: Review) -> None:
    page = review.page()
    assert "1 of 1 mapped rows" in page
    assert 'value="keep" data-key="accept"' in page
    assert 'value="unmap" data-key="reject"' in page
    assert "Remap and save" not in page
    assert 'value="reject"' not in page
    assert "stays mapped to Ravensworth Dental." in review.press("keep")
    assert review.stands() == review.company.pk


def test_a_mapped_row_is_unmapped_and_put_back(review: Review) -> None:
    page = review.press("unmap")
    assert "Ravensworth Dental Care is no longer mapped." in page
    assert "/undo/" in page
    assert review.stands() is None


def test_beside_another_company_a_mapped_row_is_remapped_or_kept(review: Review) -> None:
    page = review.page(company=review.other.pk)
    assert "Remap and save" in page
    assert "Keep Ravensworth Dental" in page
    told = review.press("reject", review.other)
    assert (
        "will not be proposed for Ravensworth Dental Care again. It stays mapped to Ravensworth Dental."
        in told
    )
    assert review.stands() == review.company.pk
    review.press("accept", review.other)
    assert review.stands() == review.other.pk


@pytest.mark.parametrize("decision", ["reject", "ignore"])
def test_a_stale_page_is_told_that_the_row_is_mapped(review: Review, decision: str) -> None:
    """The page showed the row as open; in another tab it was mapped a moment ago."""
    page = review.press(decision, review.company)
    assert (
        "Nothing was changed: Ravensworth Dental Care is mapped to Ravensworth Dental by marcus. "
        "Unmap it first if that is wrong." in page
    )
    assert 'value="unmap"' in page, "the row stays, with what can be done about it"
    assert not RejectedMatch.objects.exists()
    assert not IgnoredOrganization.objects.exists()
    assert review.stands() == review.company.pk


def test_the_table_ignores_no_mapped_row(review: Review) -> None:
    answer = review.browser.post(review.at("ignore", review.row.pk), {"ignored": "1"}, follow=True)
    assert "Ravensworth Dental Care is mapped to Ravensworth Dental by marcus." in answer.content.decode()
    assert not IgnoredOrganization.objects.exists()


def test_after_a_no_nothing_is_suggested_now(review: Review) -> None:
    review.press("unmap")
    page = review.press("reject", review.company)
    assert "Nothing is suggested for this row now." in page
    assert RejectedMatch.objects.count() == 1


@pytest.mark.parametrize("decision", ["keep", "unmap"])
def test_what_was_chosen_and_not_saved_gives_way(review: Review, member: User, decision: str) -> None:
    choose(member, review.row, review.other)
    review.press(decision)
    assert not MappingProposal.objects.exists()
    assert review.stands() == (review.company.pk if decision == "keep" else None)


def test_taking_back_that_a_pair_may_be_proposed_leaves_one_that_is_mapped(
    review: Review, member: User
) -> None:
    main, batch = review.company.instance, Batch(actor_of(member))
    RejectedMatch.objects.create(organization=review.row, company=review.company, company_name="Ravensworth")
    assert allow_match(batch, main, review.row, review.company)
    assert undo_batch(actor_of(member), batch.key).left == [review.row.name]
    assert not RejectedMatch.objects.exists()
