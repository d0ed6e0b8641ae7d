"""The addresses of the history pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from integrations.services.history import KINDS, HistoryQuery

FIRST_DAY = dt.date(2000, 1, 1)
LARGEST_KEY = 2**62


class DayField(forms.DateField):
    """A day as the browser's date field sends it; a day that no portal knows counts as not given."""

    def clean(self, value: Any) -> dt.date | None:
        day: dt.date | None = super().clean(value)
        if day is not None and not FIRST_DAY <= day <= dt.date(9000, 1, 1):
            raise forms.ValidationError("There is no history of that day.")
        return day


class HistoryForm(forms.Form):
    """Reads the query string; a value that makes no sense counts as not given."""

    who = forms.CharField(max_length=200)
    what = forms.ChoiceField(choices=[(key, label) for key, (label, _) in KINDS.items()])
    q = forms.CharField(max_length=200)
    instance = forms.IntegerField(min_value=1, max_value=LARGEST_KEY)
    organization = forms.IntegerField(min_value=1, max_value=LARGEST_KEY)
    batch = forms.UUIDField()
    since = DayField()
    until = DayField()
    older = forms.IntegerField(min_value=1, max_value=LARGEST_KEY)
    newer = forms.IntegerField(min_value=1, max_value=LARGEST_KEY)


def history_query(values: Mapping[str, Any]) -> HistoryQuery:
    """The part of the history that an address asks for."""
    form = HistoryForm(values)
    form.is_valid()
    cleaned = form.cleaned_data
    return HistoryQuery(
        actor=cleaned.get("who", ""),
        kind=cleaned.get("what", ""),
        text=cleaned.get("q", ""),
        instance=cleaned.get("instance"),
        organization=cleaned.get("organization"),
        batch=cleaned.get("batch"),
        since=cleaned.get("since"),
        until=cleaned.get("until"),
        older=cleaned.get("older"),
        newer=cleaned.get("newer"),
    )


class MomentForm(forms.Form):
    """Of which day the mapping table is wanted."""

    date = DayField()
    page = forms.IntegerField(min_value=1, max_value=1_000_000)


def day_and_page(values: Mapping[str, Any]) -> tuple[dt.date, int]:
    """The day (today when none makes sense) and the page."""
    form = MomentForm(values)
    form.is_valid()
    return form.cleaned_data.get("date") or timezone.localdate(), form.cleaned_data.get("page") or 1
