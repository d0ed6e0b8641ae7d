"""When a configuration is read and checked by itself."""

from __future__ import annotations

from django import forms

from integrations.services.instances import LONGEST_INTERVAL


class ScheduleForm(forms.Form):
    """The small form on the company filter card."""

    refresh_every_hours = forms.IntegerField(
        min_value=0,
        max_value=LONGEST_INTERVAL,
        error_messages={
            "required": "Enter the hours between two refreshes, or 0 to turn the schedule off.",
            "invalid": "Enter whole hours, or 0 to turn the schedule off.",
            "min_value": "Enter 0 or more hours; 0 turns the schedule off.",
            "max_value": f"Enter at most {LONGEST_INTERVAL} hours (31 days).",
        },
    )
    check_daily = forms.BooleanField(required=False)
