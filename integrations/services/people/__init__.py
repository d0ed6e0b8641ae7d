"""People: adding and changing them, links by which they choose a password, what a superuser sees of them."""

from __future__ import annotations

from integrations.services.people.edit import (
    NotAllowed,
    PersonFacts,
    PersonSpec,
    add_person,
    change_person,
    facts_of,
    hold_superusers,
    people,
    remove_factors,
)
from integrations.services.people.links import LinkRefused, choose_password, make_link, person_of_link

__all__ = [
    "LinkRefused", "NotAllowed", "PersonFacts", "PersonSpec", "add_person", "change_person",
    "choose_password", "facts_of", "hold_superusers", "make_link", "people", "person_of_link",
    "remove_factors",
]  # fmt: skip
