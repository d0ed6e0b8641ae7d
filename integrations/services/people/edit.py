"""Adding and changing people.

Who does it, and from where, the sign-in log asks itself (sign_ins/acting.py). Undo knows nothing of this.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Upper

from integrations.models import AccountEvent, ApiToken, BrowserSession
from integrations.services.sign_ins.acting import presence
from integrations.services.sign_ins.sessions import live_sessions

NAME_TAKEN = "Somebody has this user name."


class NotAllowed(Exception):
    """Not even a superuser may do this; the text says why and who can."""


@dataclass(frozen=True)
class PersonSpec:
    """Who somebody is and what they may do."""

    email: str
    first_name: str
    last_name: str
    roles: Collection[Group]
    is_superuser: bool
    is_active: bool = True


@dataclass(frozen=True)
class PersonFacts:
    """What a superuser sees of a person beside the row itself."""

    factors: list[Authenticator]
    ties: list[SocialAccount]
    sessions: list[BrowserSession]
    tokens: list[ApiToken]
    events: list[AccountEvent]


def add_person(username: str, spec: PersonSpec) -> User:
    """Make an account without a password: its person comes by a link, or by single sign-on.

    Raises NotAllowed for a user name that somebody has.
    """
    person = User(username=username)
    person.set_unusable_password()
    _apply(person, spec)
    with transaction.atomic():
        if User.objects.filter(username__iexact=username).exists():
            raise NotAllowed(NAME_TAKEN)
        try:
            with transaction.atomic():
                person.save()
        except IntegrityError as error:  # another superuser was quicker; nothing else of a person is unique
            raise NotAllowed(NAME_TAKEN) from error
        person.groups.set(spec.roles)
    return person


def change_person(person: User, spec: PersonSpec) -> bool:
    """Change names, address, roles and whether they may come in; False when nothing differs.

    Raises NotAllowed where somebody would take from themselves what only others can give back, or may not do
    this any more.
    """
    with transaction.atomic():
        hold_superusers(person.pk)
        person = User.objects.get(pk=person.pk)
        me = presence().person
        if me is not None and me.pk == person.pk and not (spec.is_superuser and spec.is_active):
            raise NotAllowed("You cannot take this from yourself. Ask another superuser.")
        before = _state(person)
        _apply(person, spec)
        now_in = {group.pk for group in spec.roles}
        if _state(person) == before and now_in == set(person.groups.values_list("pk", flat=True)):
            return False
        person.save()
        person.groups.set(spec.roles)
    return True


def hold_superusers(*also: int) -> None:
    """Lock all superusers, and whoever else is named by id, until the transaction ends.

    Whoever acts is then a superuser as long as it lasts, and since nobody takes that from themselves, one
    remains: also when two superusers take it from one another at the same moment. Raises NotAllowed when the
    other one was quicker.
    """
    wanted = models.Q(is_superuser=True, is_active=True) | models.Q(pk__in=also)
    held = {person.pk: person for person in User.objects.select_for_update().filter(wanted).order_by("pk")}
    me = presence().person
    if me is not None and not (me.pk in held and held[me.pk].is_superuser and held[me.pk].is_active):
        raise NotAllowed("You are no superuser any more.")


def remove_factors(person: User) -> int:
    """Take all second factors of somebody away who has lost them; returns how many. They are signed out."""
    with transaction.atomic():
        factors = Authenticator.objects.filter(user=person)
        found = int(factors.count())
        factors.delete()
    return found


def people(text: str = "") -> models.QuerySet[User]:
    """Everybody whose names or address hold this text, with what a list shows."""
    found = User.objects.prefetch_related("groups").annotate(
        factors=models.Count(
            "authenticator", filter=~models.Q(authenticator__type="recovery_codes"), distinct=True
        ),
        upper_name=Upper("username"),
    )
    if text:
        names = ("username", "first_name", "last_name", "email")
        found = found.filter(
            models.Q.create([(f"{name}__icontains", text) for name in names], connector=models.Q.OR)
        )
    return found.order_by("upper_name", "pk")


def facts_of(person: User, events: int = 10) -> PersonFacts:
    """What there is of somebody: second factors, ties, sessions, their tokens, what happened last."""
    return PersonFacts(
        list(Authenticator.objects.filter(user=person).order_by("pk")),
        list(SocialAccount.objects.filter(user=person)),
        list(live_sessions(person)),
        list(ApiToken.objects.filter(created_by=person)),
        list(AccountEvent.objects.of(person.pk)[:events]),
    )


def _apply(person: User, spec: PersonSpec) -> None:
    person.email, person.first_name, person.last_name = spec.email, spec.first_name, spec.last_name
    person.is_superuser = person.is_staff = spec.is_superuser
    person.is_active = spec.is_active


def _state(person: User) -> tuple[object, ...]:
    return (
        person.email, person.first_name, person.last_name, person.is_superuser, person.is_staff,
        person.is_active,
    )  # fmt: skip
