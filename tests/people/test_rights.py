"""Rights are a person's own and those of their groups; they end with the account, and when they are taken."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db.models import Q

from tests.conftest import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("groups", [(), ("Readers",), ("Members",), ("Owners", "Readers")])
@pytest.mark.parametrize("own", [(), ("delete_organization", "view_user")])
def test_they_are_those_of_the_person_and_of_the_groups(
    groups: tuple[str, ...], own: tuple[str, ...]
) -> None:
    user = make_user("nadia", "Readers")
    user.groups.set(Group.objects.filter(name__in=groups))
    user.user_permissions.set(Permission.objects.filter(codename__in=own))
    given = Permission.objects.filter(Q(group__name__in=groups) | Q(codename__in=own))
    expected = {f"{app}.{name}" for app, name in given.values_list("content_type__app_label", "codename")}
    assert bool(expected) == bool(groups or own)
    asked = User.objects.get(pk=user.pk)
    assert asked.get_all_permissions() == expected
    assert all(asked.has_perm(right) for right in expected)
    assert not asked.has_perm("integrations.no_such_right")


def test_nobody_else_has_any() -> None:
    user = make_user("nadia", "Owners")
    assert user.get_all_permissions(obj=user) == set()
    assert AnonymousUser().get_all_permissions() == set()
    user.is_active = False
    assert user.get_all_permissions() == set()
    assert not user.has_perm("integrations.view_organization")


def test_a_right_that_is_taken_is_gone_at_the_next_request() -> None:
    user = make_user("nadia", "Members")
    assert User.objects.get(pk=user.pk).has_perm("integrations.map_organizations")
    user.groups.clear()
    assert not User.objects.get(pk=user.pk).has_perm("integrations.map_organizations")
