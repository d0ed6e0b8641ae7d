"""The admin's index: sections in the portal's words, nothing that nobody opens, nothing lost."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.admin.sections import LABELS, SECTIONS, UNLISTED
from integrations.models import CompanyFilter, IntegrationInstance

pytestmark = pytest.mark.django_db
SHOWN = [name for _, names in SECTIONS for name in names]


def test_every_model_has_its_section_or_is_left_out_on_purpose() -> None:
    registered = {model.__name__ for model in admin.site._registry}
    assert registered == {*SHOWN} | UNLISTED
    assert len(SHOWN) == len(set(SHOWN))
    assert LABELS.keys() <= set(SHOWN)


def test_the_index_speaks_the_portals_words(desk: Client) -> None:
    page = desk.get(reverse("admin:index")).content.decode()
    headings = re.findall(r"<caption>(.*?)</caption>", re.sub(r"\s+|<a[^>]*>|</a>", " ", page))
    assert [heading.strip() for heading in headings] == [heading for heading, _ in SECTIONS]
    assert "Configurations" in page
    assert "Integration instances" not in page
    for clutter in ("Import file parts", "Import report parts", "Task Results", "Recent actions"):
        assert clutter not in page
    assert reverse("integrations:history") in page


def test_what_is_not_listed_can_still_be_opened(desk: Client) -> None:
    for name in ("importfilepart", "importreportpart", "tablepreference"):
        assert desk.get(reverse(f"admin:integrations_{name}_changelist")).status_code == 200
    assert desk.get(reverse("admin:app_list", args=["integrations"])).status_code == 200


def test_a_row_of_a_filter_reads_as_on_its_card(desk: Client) -> None:
    instance = IntegrationInstance.objects.create(
        psa="autotask", name="Main", username="api@example.com", updated_at=timezone.now()
    )
    CompanyFilter.objects.create(instance=instance, position=0, field="companyType", operation="eq", value=1)
    page = desk.get(reverse("admin:integrations_companyfilter_changelist")).content.decode()
    assert "Company type equals 1" in page
    assert ">eq<" not in page


def test_each_list_is_called_what_the_index_calls_it(desk: Client) -> None:
    """A person who follows "Configurations" arrives at "Configurations", not at a class name."""
    index = desk.get(reverse("admin:index")).content.decode()
    rows = re.findall(r'<th scope="row"[^>]*>\s*<a href="([^"]+)"[^>]*>([^<]+)</a>', index)
    assert len(rows) == len(SHOWN)
    for address, name in rows:
        page = desk.get(address, follow=True)
        title = re.search(r"<h1>(.*?)</h1>", page.content.decode(), re.DOTALL)
        assert title is not None
        assert (address, html.unescape(title[1]).strip()) == (address, html.unescape(name))


def test_a_kind_of_psa_is_named(desk: Client) -> None:
    IntegrationInstance.objects.create(
        psa="autotask", name="Main", username="api@example.com", updated_at=timezone.now()
    )
    page = desk.get(reverse("admin:integrations_integrationinstance_changelist")).content.decode()
    assert "Autotask PSA" in re.sub(r"<[^>]*>", "", page)
    assert ">autotask<" not in page
