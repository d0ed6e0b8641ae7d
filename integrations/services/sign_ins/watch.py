"""Seeing every change of who may come in and what they may do, whoever makes it: pages, the admin, commands.

It is written down, and who came in before has to come in anew: a stolen session does not outlive the remedy.

The rows themselves are watched. What goes past Django's models (SQL by hand, ``queryset.update``) is not.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from integrations.models import ApiToken
from integrations.services.sign_ins.log import FACTORS, Kind, note
from integrations.services.sign_ins.sessions import end_all_sessions

RIGHTS = ("is_superuser", "is_staff", "is_active")
WATCHED = ("username", "email", "password", *RIGHTS)


def start() -> None:
    """From now on every such change is written down."""
    for receiver, signal, sender in (
        (before_person, pre_save, User),
        (after_person, post_save, User),
        (person_deleted, post_delete, User),
        (links_changed, m2m_changed, User.groups.through),
        (links_changed, m2m_changed, User.user_permissions.through),
        (role_deleted, pre_delete, Group),
        (rights_of_a_role_changed, m2m_changed, Group.permissions.through),
        (factor_added, post_save, Authenticator),
        (factor_removed, post_delete, Authenticator),
        (tie_added, post_save, SocialAccount),
        (tie_removed, post_delete, SocialAccount),
        (before_token, pre_save, ApiToken),
        (after_token, post_save, ApiToken),
    ):
        signal.connect(receiver, sender=sender, dispatch_uid=f"people.{receiver.__name__}")


# --- the person ---------------------------------------------------------------------------------------


def before_person(instance: User, update_fields: Collection[str] | None = None, **kwargs: Any) -> None:
    """Remember what is stored, unless nothing of that is about to be written."""
    watched = [name for name in WATCHED if update_fields is None or name in update_fields]
    if watched == ["password"] and vars(instance).get("_password") is None:
        watched = []  # the same password under a newer hash, when somebody signs in
    stored = User.objects.filter(pk=instance.pk).values(*watched).first() if instance.pk and watched else None
    vars(instance)["_stored_before"] = stored or {}  # for after_person only


def after_person(instance: User, created: bool, **kwargs: Any) -> None:
    """Write down what differs."""
    if created:
        rights = [name for name in ("is_superuser", "is_staff") if getattr(instance, name)]
        note(Kind.PERSON_ADDED, instance, detail=", ".join(map(_words, rights)))
        return
    before = vars(instance).pop("_stored_before", {})
    changed = [name for name, value in before.items() if getattr(instance, name) != value]
    if "password" in changed:
        usable = is_password_usable(instance.password)
        note(Kind.PASSWORD_CHANGED if usable else Kind.PASSWORD_REMOVED, instance)
        end_all_sessions(instance, "another password")
    told = [
        f"{'' if getattr(instance, name) else 'no longer '}{_words(name)}"
        for name in RIGHTS
        if name in changed
    ]
    if told:
        note(Kind.RIGHTS_CHANGED, instance, detail=", ".join(told))
        end_all_sessions(instance, "other rights")
    told = [
        f"{name}: {before[name]} → {getattr(instance, name)}"
        for name in changed
        if name in {"username", "email"}
    ]
    if told:
        note(Kind.PERSON_CHANGED, instance, detail="; ".join(told))


def _words(name: str) -> str:
    return {"is_superuser": "superuser", "is_staff": "may open the admin", "is_active": "may sign in"}[name]


def person_deleted(instance: User, **kwargs: Any) -> None:
    """The log outlives the person."""
    note(Kind.PERSON_DELETED, instance)


# --- rights -------------------------------------------------------------------------------------------


def links_changed(
    instance: Model, action: str, reverse: bool, pk_set: set[int] | None, sender: type[Model], **kwargs: Any
) -> None:
    """Somebody got or lost a role or a right of their own, seen from either side."""
    is_role = sender is User.groups.through
    _note_links(Group if is_role else Permission, instance, action, reverse, pk_set)


def _note_links(
    far: type[Group | Permission], near: Model, action: str, reverse: bool, pks: set[int] | None
) -> None:
    """What was added, removed, or is about to be cleared away."""
    if action not in {"post_add", "post_remove", "pre_clear"}:
        return
    if reverse:  # the group's or the right's side
        things = [near]
        having = near.user_set.all()  # type: ignore[attr-defined]  # a group or a right
        users = having if pks is None else User.objects.filter(pk__in=pks)
    else:
        owned = near.groups if far is Group else near.user_permissions  # type: ignore[attr-defined]
        things = list(owned.all() if pks is None else far.objects.filter(pk__in=pks))
        users = [near]
    verb = "got" if action == "post_add" else "lost"
    names = ", ".join(sorted(getattr(thing, "codename", "") or str(thing) for thing in things))
    if not names:
        return
    for user in users:
        note(Kind.RIGHTS_CHANGED, user, detail=f"{verb} the {'role' if far is Group else 'right'} {names}")
        end_all_sessions(user, "other rights")


def role_deleted(instance: Group, **kwargs: Any) -> None:
    """All who had it lose it."""
    _note_links(Group, instance, "pre_clear", True, None)


def rights_of_a_role_changed(
    instance: Model, action: str, reverse: bool, pk_set: set[int] | None, **kwargs: Any
) -> None:
    """A role got or lost rights: told of the role, since it concerns all who have it."""
    if action not in {"post_add", "post_remove", "pre_clear"}:
        return
    verb = "got" if action == "post_add" else "lost"
    given = Permission.objects.filter(pk__in=pk_set or ()).order_by("codename") if not reverse else [instance]
    roles = [instance] if not reverse else Group.objects.filter(pk__in=pk_set or ())
    rights = ", ".join(right.codename for right in given) or "all rights"  # type: ignore[attr-defined]
    for role in roles:
        note(Kind.RIGHTS_CHANGED, None, detail=f"the role {role} {verb} {rights}")


# --- second factors, ties, tokens ---------------------------------------------------------------------


def factor_added(instance: Authenticator, created: bool, **kwargs: Any) -> None:
    """A second factor was set up."""
    if created:
        note(Kind.FACTOR_ADDED, instance.user, detail=FACTORS.get(instance.type, instance.type))
        end_all_sessions(instance.user, "another second factor")


def factor_removed(instance: Authenticator, **kwargs: Any) -> None:
    """A second factor was taken away."""
    note(Kind.FACTOR_REMOVED, instance.user, detail=FACTORS.get(instance.type, instance.type))
    end_all_sessions(instance.user, "another second factor")


def tie_added(instance: SocialAccount, created: bool, **kwargs: Any) -> None:
    """Somebody at the identity provider is this person from now on."""
    if created:
        note(Kind.TIE_ADDED, instance.user, detail=f"{instance.provider}: {instance.uid}")


def tie_removed(instance: SocialAccount, **kwargs: Any) -> None:
    """Nobody at the identity provider is this person any more."""
    note(Kind.TIE_REMOVED, instance.user, detail=f"{instance.provider}: {instance.uid}")


def before_token(instance: ApiToken, **kwargs: Any) -> None:
    """Remember whether it was revoked already."""
    revoked = (
        ApiToken.objects.filter(pk=instance.pk).values_list("revoked_at", flat=True) if instance.pk else ()
    )
    vars(instance)["_was_revoked"] = any(revoked)  # for after_token only


def after_token(
    instance: ApiToken, created: bool, update_fields: Collection[str] | None = None, **kwargs: Any
) -> None:
    """A token was made, revoked, or may do something else."""
    was_revoked = vars(instance).pop("_was_revoked", False)
    if created:
        kind = Kind.TOKEN_MADE
    elif instance.revoked_at and not was_revoked:
        kind = Kind.TOKEN_REVOKED
    elif update_fields is None or {"rights", "expires_at"} & set(update_fields):
        kind = Kind.TOKEN_CHANGED
    else:
        return
    note(kind, instance.created_by, detail=f"{instance.name} ({instance.prefix}…)")
