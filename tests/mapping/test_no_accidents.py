"""What nobody meant is not done: Enter in a field decides nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import Company, IntegrationInstance
from tests.support.markup import Element, tree_of
from tests.support.rows import choose, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
UNSENT = {"hidden", "submit", "button", "image", "reset"}


def forms_by_button(page: str) -> dict[str, tuple[list[Element], Element]]:
    """By address the posted forms that have fields: these, and the button that Enter in them presses."""
    tree = tree_of(page)
    found = {}
    for form in tree.all("form", where=lambda each: each["method"] == "post"):

        def is_of(each: Element, form: Element = form) -> bool:
            return each["form"] == form["id"] if "form" in each.values else form in each.above()

        fields = [each for each in tree.all("input", where=is_of) if each["type"] not in UNSENT]
        button = tree.first("button", where=lambda each: each["type"] in {"", "submit"} and is_of(each))
        if fields and button:
            found[form["action"]] = (fields, button)
    return found


def test_enter_in_a_field_of_the_table_or_the_inbox_decides_nothing(
    client_of: Browser, owner: User, main: IntegrationInstance, abbott: Company, birchwood: Company
) -> None:
    client = client_of(owner)
    choose(owner, make_organization("Quill Foundry"), abbott)
    make_mapping(make_organization("Quill Harbour"), birchwood, owner)
    birchwood.is_active = False
    birchwood.save()
    table = main.get_absolute_url()
    for page, decides in ((table, f"{table}mappings/save/"), ("/drift/", "/drift/decide/")):
        fields, button = forms_by_button(client.get(page).content.decode())[decides]
        assert any(field["type"] == "checkbox" for field in fields)
        assert "disabled" in button.values, page
