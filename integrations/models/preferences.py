"""How a person likes to see the pages."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class TablePreference(models.Model):
    """Which columns of the mapping table a person wants, and how many rows a page. At most one a person."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="table_preference"
    )
    columns = models.JSONField(default=list, blank=True, help_text="The optional columns that are shown.")
    page_size = models.PositiveSmallIntegerField(default=50)

    class Meta:
        ordering = ["user"]

    def __str__(self) -> str:
        return f"Table of {self.user}"
