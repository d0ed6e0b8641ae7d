"""What several kinds of rows have in common: who did it, being deleted softly, being only added."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from django.conf import settings
from django.db import models

from integrations.database.transactions import transaction_required

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

Row = TypeVar("Row", bound=models.Model)
CLOCKS_DIFFER = dt.timedelta(minutes=5)  # what lies further ahead was written by a clock that was wrong


def known_time(moment: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    """When something was; None for not known, as of what is said to be in the future."""
    return moment if moment is not None and moment <= now + CLOCKS_DIFFER else None


def somebody(**options: Any) -> models.ForeignKey[User | None, User | None]:
    """Who did it, where that is known; the row outlives their account."""
    usual: dict[str, Any] = {"null": True, "blank": True, "on_delete": models.SET_NULL, "related_name": "+"}
    return models.ForeignKey(settings.AUTH_USER_MODEL, **(usual | options))


class DeletableQuerySet(models.QuerySet[Row]):
    """Rows with ``deleted_at``, that are deleted softly."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """What this user may see: everything with the reader's right, otherwise nothing."""
        right = f"integrations.view_{self.model._meta.model_name}"
        return self if user.has_perm(right) else self.none()  # type: ignore[union-attr]

    def present(self) -> Self:
        """Those that were not deleted."""
        return self.filter(deleted_at=None)

    @transaction_required
    def locked(self) -> Self:
        """Locked until the transaction ends.

        Not against rows that refer to them: PostgreSQL checks such a reference when its own transaction
        ends, and a full lock would make that wait for a transaction that waits for it.
        """
        return self.select_for_update(no_key=True)


class AppendOnlyError(Exception):
    """Something tried to change or delete history."""

    def __init__(self) -> None:
        super().__init__("History is append-only.")


class AppendOnlyQuerySet(models.QuerySet[Row]):
    def update(self, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        """Refused."""
        raise AppendOnlyError


class AppendOnly(models.Model):
    """A row that is only ever added; the database refuses anything else, too."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; changing one is refused."""
        if self.pk is not None:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError
