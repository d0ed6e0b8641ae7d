"""The forms of the setup page's cards, as they are stored or as they were sent."""

from __future__ import annotations

from functools import partial
from typing import Any

from integrations.forms.filters import BaseFilterFormSet, FilterFormSet, initial_rows
from integrations.forms.schedules import ScheduleForm
from integrations.models import IntegrationInstance
from integrations.psa.forms import ConnectionForm
from integrations.psa.registry import provider_for
from integrations.services.companies import conditions_of, filter_fields


def connection_form(instance: IntegrationInstance, data: Any = None) -> ConnectionForm:
    """The connection form of an existing configuration."""
    stored = {
        "name": instance.name,
        "description": instance.description,
        "is_default": instance.is_default,
        "zone": instance.zone,
        "username": instance.username,
    }
    form_class = provider_for(instance.psa).form_class
    is_taken = partial(IntegrationInstance.objects.has_name, instance.psa, but=instance.pk)
    return form_class(
        data, stored=stored, secrets_set=instance.secrets_set, is_taken=is_taken, prefix="connection"
    )


def new_connection_form(psa: str, data: Any = None) -> ConnectionForm:
    """The connection form of a configuration that is not there yet."""
    is_taken = partial(IntegrationInstance.objects.has_name, psa)
    return provider_for(psa).form_class(data, is_taken=is_taken, prefix="connection")


def schedule_form(instance: IntegrationInstance) -> ScheduleForm:
    """The schedule as it is stored."""
    return ScheduleForm(
        initial={"refresh_every_hours": instance.refresh_every_hours, "check_daily": instance.check_daily}
    )


def filter_forms(
    instance: IntegrationInstance, data: Any = None, initial: list[dict[str, Any]] | None = None
) -> BaseFilterFormSet:
    """The rows of the company filter; one empty row when there is none."""
    if initial is None:
        initial = initial_rows(conditions_of(instance), provider_for(instance.psa))
    chosen = [row.get("field", "") for row in initial]
    if data is not None:
        chosen = [data[name] for name in data if name.startswith("filters-") and name.endswith("-field")]
    formset: BaseFilterFormSet = FilterFormSet(
        data,
        initial=None if data is not None else (initial or [{}]),
        prefix="filters",
        form_kwargs={"provider": provider_for(instance.psa), "fields": filter_fields(instance, chosen)},
    )
    if data is None:
        formset.extra = 0
    return formset
