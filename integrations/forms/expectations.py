"""What should be true of a configuration: one row of fields a kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from integrations.models import Expectation, ExpectationKind
from integrations.services.expectations import LIMITS, LONGEST_DAYS, USUAL, Terms, mark_of

Effect, Kind = Expectation.Effect, ExpectationKind
EFFECTS = {
    Effect.OFF: "Not expected",
    Effect.WARN: "If not, warn people",
    Effect.BRAKE: "If not, hold the refresh",
}
# What a person would expect of it, and it does not do.
LIMITATIONS = {
    Kind.INBOX: "Holding a refresh stops companies that go, and twins. It cannot stop that companies become "
    "inactive or get other names, types or addresses: these are told, and change no mapping.",
    Kind.REFRESHED: "Choose more hours than lie between two refreshes, or each one that comes late is told.",
}
# What stands before and behind the number.
WORDS = {
    Kind.MAPPED: ("At least", "% of the organizations are mapped to a company that is there"),
    Kind.UNMAPPED: ("At most", "organizations unmapped for more than"),
    Kind.FEWER: ("At most", "% fewer companies than last time"),
    Kind.CREDENTIALS: ("Autotask does not refuse the credentials", ""),
    Kind.REFRESHED: ("Refreshed within", "hours"),
    Kind.INBOX: ("At most", "mappings open in the inbox"),
}


@dataclass(frozen=True)
class KindFields:
    """The fields of one kind, with the words around them."""

    kind: ExpectationKind
    before: str
    after: str
    effect: BoundField
    limit: BoundField | None
    days: BoundField | None
    note: str

    @property
    def errors(self) -> list[str]:
        """What is wrong with any of them."""
        fields = [field for field in (self.limit, self.days, self.effect) if field is not None]
        return [str(error) for field in fields for error in field.errors]


class ExpectationsForm(forms.Form):
    """All kinds at once; ``seen`` tells which expectations the person was shown."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=40, required=False)

    def __init__(
        self, expected: Mapping[ExpectationKind, Terms], data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial={"seen": mark_of(expected)})
        for kind in Kind:
            present = expected.get(kind)
            terms = present or USUAL[kind]
            effects = [each for each in EFFECTS if each != Effect.BRAKE or kind.may_brake]
            self.fields[f"{kind.value}_effect"] = forms.TypedChoiceField(
                label=f"{kind.label}: if it is not so",
                choices=[(each.value, EFFECTS[each]) for each in effects],
                coerce=Effect,
                initial=(present.effect if present else Effect.OFF).value,
            )
            if kind.has_limit:
                low, high = LIMITS[kind]
                self.fields[f"{kind.value}_limit"] = _number(kind.label, terms.limit, low, high)
        label, days = "Unmapped for more than, in days", (expected.get(Kind.UNMAPPED) or USUAL[Kind.UNMAPPED])
        self.fields["unmapped_days"] = _number(label, days.days, 0, LONGEST_DAYS)

    def rows(self) -> Iterator[KindFields]:
        """The fields, kind by kind."""
        for kind in Kind:
            limit = self[f"{kind.value}_limit"] if kind.has_limit else None
            days = self["unmapped_days"] if kind is Kind.UNMAPPED else None
            yield KindFields(
                kind, *WORDS[kind], self[f"{kind.value}_effect"], limit, days, LIMITATIONS.get(kind, "")
            )

    def clean(self) -> dict[str, Any]:
        """A number is asked for only of what is expected."""
        for kind in Kind:
            effect = self.cleaned_data.get(f"{kind.value}_effect")
            for name in (f"{kind.value}_limit", f"{kind.value}_days"):
                if effect == Effect.OFF:
                    self.errors.pop(name, None)
                elif name in self.fields and self.cleaned_data.get(name, 0) is None:
                    self.add_error(name, "Enter a whole number.")
        return self.cleaned_data

    def wanted(self) -> dict[ExpectationKind, Terms]:
        """What the valid form asks for."""
        said = self.cleaned_data
        return {
            kind: Terms(
                said[f"{kind.value}_effect"],
                said.get(f"{kind.value}_limit") or 0,
                said.get(f"{kind.value}_days") or 0,
            )
            for kind in Kind
            if said[f"{kind.value}_effect"] != Effect.OFF
        }


def _number(label: str, initial: int, low: int, high: int) -> forms.IntegerField:
    told = f"Enter a whole number from {low:,} to {high:,}."
    return forms.IntegerField(
        label=label,
        required=False,
        initial=initial,
        min_value=low,
        max_value=high,
        error_messages={"invalid": told, "min_value": told, "max_value": told},
        widget=forms.NumberInput(attrs={"class": "form-control form-control-sm", "inputmode": "numeric"}),
    )
