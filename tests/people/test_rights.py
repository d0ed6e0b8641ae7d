"""Rights are those that Django's own backend finds, in one query."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission, User

from portal.rights import RightsInOneQuery
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("groups", [(), ("Readers",), ("Members",), ("Owners", "Readers")])
@pytest.mark.parametrize("own", [(), ("delete_organization", "view_user")])
def test_they_are_djangos(
    groups: tuple[str, ...],
    own: tuple[str, ...],
    django_assert_num_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    user = make_user("nadia", "Readers")
    user.groups.set(Group.objects.filter(name__in=groups))
    user.user_permissions.set(Permission.objects.filter(codename__in=own))
    expected = ModelBackend().get_all_permissions(User.objects.get(pk=user.pk))
    assert bool(expected) == bool(groups or own)
    asked = User.objects.get(pk=user.pk)
    with django_assert_num_queries(1):
        assert RightsInOneQuery().get_all_permissions(asked) == expected
        assert asked.get_all_permissions() == expected
        assert all(asked.has_perm(right) for right in expected)
        assert not asked.has_perm("integrations.no_such_right")


def test_nobody_else_has_any() -> None:
    user = make_user("nadia", "Owners")
    backend = RightsInOneQuery()
    assert backend.get_all_permissions(user, obj=user) == set()
    assert backend.get_all_permissions(AnonymousUser()) == set()
    user.is_active = False
    assert backend.get_all_permissions(user) == set()
    assert not user.has_perm("integrations.view_organization")


def test_a_right_that_is_taken_is_gone_at_the_next_request() -> None:
    user = make_user("nadia", "Members")
    assert User.objects.get(pk=user.pk).has_perm("integrations.map_organizations")
    user.groups.clear()
    assert not User.objects.get(pk=user.pk).has_perm("integrations.map_organizations")
