"""What a person may do, read in one query for each request."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission

from integrations.database import query_cache as prepared

KEPT_AS = "_perm_cache"  # by Django's backend, too, which looks there before it asks


class RightsInOneQuery(ModelBackend):
    """Reads a person's rights, their own and those of their groups, for Django's own backend to find.

    That one asks twice and writes the SQL anew for each page, which took 5 ms. Signs nobody in; superusers
    have every right without being looked up.
    """

    def authenticate(self, request: Any, **credentials: Any) -> None:  # type: ignore[override]
        """Nobody: the next backend looks at the password."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """The rights as "app.codename"; none for a single object, as in Django's backend."""
        if not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser or obj is not None:
            return set()
        rights: set[str] | None = getattr(user_obj, KEPT_AS, None)
        if rights is None:
            found = prepared.cached_rows(_rights, (user_obj.pk,))
            rights = {f"{app}.{codename}" for app, codename in found}
            setattr(user_obj, KEPT_AS, rights)
        return rights


def _rights(user: int) -> Any:
    own = Permission.objects.filter(user=user).order_by()
    of_groups = Permission.objects.filter(group__user=user).order_by()
    names = ("content_type__app_label", "codename")
    return own.values_list(*names).union(of_groups.values_list(*names))
