"""One-time links, by which somebody chooses a password of their own: nobody else ever knows it.

Nothing is stored. A link is signed over the person's password and last sign-in, so it ends with its use, with
another link, and after a day.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.views.decorators.debug import sensitive_variables

from integrations.models import AccountEvent
from integrations.services.sign_ins.log import note
from integrations.services.sign_ins.sessions import end_all_sessions


class LinkRefused(Exception):
    """The link is used up, too old, or none of ours."""


class _Links(PasswordResetTokenGenerator):
    key_salt = "integrations.services.people.links"


_links = _Links()


@sensitive_variables()
def make_link(person: User) -> str:
    """A code for one use within a day. The old password, earlier links and all sessions end at once."""
    with transaction.atomic():
        person.set_unusable_password()
        person.save(update_fields=["password"])
        note(AccountEvent.Kind.LINK_MADE, person)
        end_all_sessions(person, "a one-time link was made")
    return f"{urlsafe_base64_encode(str(person.pk).encode())}.{_links.make_token(person)}"


@sensitive_variables("code")
def person_of_link(code: str) -> User:
    """Whose link this is. Raises LinkRefused."""
    name, _, token = code.strip().rpartition(".")
    try:
        person = User.objects.filter(pk=int(force_str(urlsafe_base64_decode(name))), is_active=True).first()
    except (ValueError, OverflowError):  # also what is no UTF-8
        person = None
    if person is None or not _links.check_token(person, token):
        raise LinkRefused(
            "This link is used up, older than a day, or replaced by a newer one. Ask for another."
        )
    return person


@sensitive_variables("code", "password")
def choose_password(code: str, password: str) -> User:
    """Give the link's person the password that they chose, which ends the link. Raises LinkRefused."""
    with transaction.atomic():
        person = User.objects.select_for_update().get(pk=person_of_link(code).pk)
        person_of_link(code)  # as it is now: somebody may have been quicker
        person.set_password(password)
        person.save(update_fields=["password"])
    return person
