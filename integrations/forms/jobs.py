"""The address of the jobs page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from integrations.models import Job
from integrations.services.jobs import JobQuery


class JobsForm(forms.Form):
    """Reads the query string; a value that makes no sense counts as not given."""

    state = forms.ChoiceField(choices=Job.State.choices)
    kind = forms.ChoiceField(choices=Job.Kind.choices)
    instance = forms.IntegerField(min_value=1, max_value=2**31)
    page = forms.IntegerField(min_value=1, max_value=1_000_000)


def job_query(values: Mapping[str, Any]) -> JobQuery:
    """The query that an address asks for."""
    form = JobsForm(values)
    form.is_valid()
    cleaned = form.cleaned_data
    return JobQuery(
        state=cleaned.get("state", ""),
        kind=cleaned.get("kind", ""),
        instance=cleaned.get("instance"),
        page=cleaned.get("page") or 1,
    )
