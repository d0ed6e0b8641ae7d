"""Review mode: what both names share is marked, and what is read ahead keeps no message from anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import MappingProposal
from integrations.services.mapping.review import shared_words
from tests.support.rows import make_company, make_instance
from tests.support.simulated import make_organization


@pytest.mark.parametrize(
    ("ours", "theirs", "shared", "other_shared"),
    [
        (
            "Tidewater Freight and Storage", "TIDEWATER Freight & Storage, L.L.C.",
            ["Tidewater", "Freight", "and", "Storage"], ["TIDEWATER", "Freight", "&", "Storage,"],
        ),
        ("Café Zoë", "Cafe Zoe Inc.", ["Café", "Zoë"], ["Cafe", "Zoe"]),
        ("O'Neil's Pub", "ONeils Tavern", ["O'Neil's"], ["ONeils"]),
        ("Abbott", "Birchwood", [], []),
        ("- Abbott -", "- Birchwood", [], []),
    ],
)  # fmt: skip
def test_words_of_both_names_are_marked(
    ours: str, theirs: str, shared: list[str], other_shared: list[str]
) -> None:
    first, second = shared_words(ours, theirs)
    assert [word for word, agrees in first if agrees] == shared
    assert [word for word, agrees in second if agrees] == other_shared
    assert " ".join(word for word, _ in first) == ours
    assert " ".join(word for word, _ in second) == theirs


@pytest.mark.django_db
def test_a_row_that_is_read_ahead_leaves_messages_to_the_answer_that_is_seen(
    member: User, client_of: Callable[[User], Client]
) -> None:
    main, browser = make_instance("Main"), client_of(member)
    abbott, hill = make_organization("Abbott Dental Care"), make_organization("Hill Legal")
    make_company(main, 101, "Abbott Dental Care, LLC")
    address = reverse("integrations:review", args=["autotask", main.pk])
    browser.post(reverse("integrations:ignore", args=["autotask", main.pk, hill.pk]), {"ignored": "1"})
    htmx = {"HX-Request": "true"}
    prefetched = browser.get(
        address, {"organization": abbott.pk}, headers={**htmx, "X-Prefetch": "true"}
    ).content.decode()
    assert "Abbott Dental Care" in prefetched
    assert "is ignored from now on" not in prefetched
    assert 'id="messages-status"' in prefetched  # what the row before told, goes with it
    seen = browser.get(address, {"organization": abbott.pk}, headers=htmx).content.decode()
    assert "Hill Legal is ignored from now on" in seen


@pytest.mark.django_db
def test_who_decided_is_led_on_and_reads_nothing_ahead(
    member: User, client_of: Callable[[User], Client]
) -> None:
    main, browser = make_instance("Main"), client_of(member)
    rows = [make_organization(f"{name} Dental Care") for name in ("Abbott", "Birch", "Cedar")]
    company = make_company(main, 101, "Abbott Dental Care, LLC")
    first = browser.get(reverse("integrations:review", args=["autotask", main.pk]))
    assert "data-prefetch" in first.content.decode()
    for decision, name, prefetches in (("reject", "Abbott", True), ("ignore", "Birch", False)):
        address = reverse("integrations:review_decide", args=["autotask", main.pk, rows[0].pk])
        answer = browser.post(
            address, {"decision": decision, "company": company.pk}, headers={"HX-Request": "true"}
        )
        page = answer.content.decode()
        assert f"{name} Dental Care" in page
        assert ("data-prefetch" in page) is prefetches


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ({"in_filter": False}, "suggested", "is outside the company filter now"),
        ({"missing_since": timezone.now()}, "suggested", "is no longer in Autotask"),
        ({"missing_since": timezone.now()}, "chosen", "is no longer in Autotask"),
        ({"in_filter": False}, "chosen", ""),  # who chose it meant it: saving takes it
        ({"is_active": False}, "suggested", ""),
    ],
)
def test_a_suggestion_that_cannot_be_accepted_says_why_and_what_can_be_done(
    member: User, client_of: Callable[[User], Client], values: dict[str, Any], kind: str, told: str
) -> None:
    main, browser = make_instance("Main"), client_of(member)
    quarry = make_organization("Quarry Tea")
    company = make_company(main, 101, "Quarry Tea Rooms, Ltd", city="Wells", **values)
    MappingProposal.objects.create(
        user=member, instance=main, organization=quarry, company=company, kind=kind, reasons=["close name"]
    )
    review = reverse("integrations:review", args=["autotask", main.pk])
    page = browser.get(review, {"organization": quarry.pk}).content.decode()
    assert "No company chosen" not in page
    assert "Wells" in page, "both records stand side by side"
    assert ("outside the filter</span>" in page) is ("in_filter" in values)
    decide = reverse("integrations:review_decide", args=["autotask", main.pk, quarry.pk])
    browser.post(decide, {"decision": "accept", "company": company.pk, "seen": ""})
    assert main.mappings.present().exists() is not bool(told)
    assert ('value="accept"' in page) is not bool(told)
    assert told in page
    assert ("?q=101" in page) is bool(told)  # the way to why it is missing
    assert ("#filters" in page) is told.startswith("is outside")
    assert 'value="reject"' in page
    assert 'value="ignore"' in page
