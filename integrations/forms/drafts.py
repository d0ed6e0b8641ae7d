"""What a person chooses about an uploaded file: how it is laid out, and what its columns are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django import forms

from integrations.files.delimited import DELIMITERS
from integrations.files.encoding import ENCODINGS
from integrations.files.shape import Shape
from integrations.files.table import FORMATS
from integrations.models import ImportDraft, ImportReport
from integrations.models.mappings import in_percent
from integrations.services.drafts import (
    FIELDS,
    PROFILE_LABELS,
    DraftStep,
    StatusWord,
    possible_duplicates,
    status_words,
)
from integrations.services.imports import MEANINGS

NAMES_OF_DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Pipe"}
OF_FORMAT = {
    "csv": ("encoding", "delimiter", "header_line"),
    "json": ("encoding", "envelope"),
    "jsonl": ("encoding",),
    "workbook": ("sheet", "header_line"),
}
TABULATOR = "tab"  # a browser trims the sign itself
LAST_LINE = 1_000


class ShapeForm(forms.Form):
    """How the file is laid out; an empty field is found out. Only what its format has is asked."""

    format = forms.ChoiceField(label="Format", required=False)
    encoding = forms.ChoiceField(label="Encoding", required=False)
    delimiter = forms.ChoiceField(label="Delimiter", required=False)
    sheet = forms.ChoiceField(label="Sheet", required=False)
    envelope = forms.ChoiceField(label="List of rows", required=False)
    header_line = forms.IntegerField(
        label="Line that names the columns", required=False, min_value=1, max_value=LAST_LINE
    )

    def __init__(self, step: DraftStep, data: Mapping[str, Any] | None = None) -> None:
        wished, found = step.reading.shape, step.description
        initial = {name: getattr(wished, name) or "" for name in self.base_fields}
        initial["delimiter"] = _sent(wished.delimiter)
        super().__init__(data, initial=initial)
        shape = found.shape if found else wished
        shown = ("format", *OF_FORMAT.get(shape.format, ("encoding", "delimiter", "header_line")))
        delimiters = {_sent(sign): NAMES_OF_DELIMITERS.get(sign, sign) for sign in DELIMITERS}
        choices = {
            "format": dict(FORMATS),
            "encoding": dict(ENCODINGS),
            "delimiter": delimiters,
            "sheet": {name: name for name in (found.sheets if found else (wished.sheet,)) if name},
            "envelope": {path: path or "(the file itself)" for path in (found.envelopes if found else ())},
        }
        for name, known in choices.items():
            value = _sent(getattr(shape, name)) if name == "delimiter" else getattr(shape, name)
            told = known.get(value, value)
            if name == "envelope" and found and not value:
                told = "the file itself is the list"
            automatic = f"Found: {told}" if found and told else "Find out"
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
            field.choices = [("", automatic), *((key, label) for key, label in known.items() if key)]
        if found and shape.header_line:
            self.fields["header_line"].widget.attrs["placeholder"] = f"Found: {shape.header_line}"
        for name in set(self.base_fields) - set(shown):
            del self.fields[name]

    def shape(self) -> Shape:
        """What was chosen."""
        values = {name: value for name, value in self.cleaned_data.items() if value}
        if values.get("delimiter") == TABULATOR:
            values["delimiter"] = "\t"
        return Shape(**values)


def _sent(delimiter: str) -> str:
    return TABULATOR if delimiter == "\t" else delimiter


class ColumnsForm(forms.Form):
    """What each column is; the fields are numbered as the columns of the file."""

    profile = forms.ChoiceField(label="The file comes from", required=False)
    overwrite = forms.BooleanField(
        required=False,
        label="Change mappings that name another company now",
        help_text="Otherwise such rows are skipped.",
    )

    def __init__(self, step: DraftStep, data: Mapping[str, Any] | None = None) -> None:
        assert step.description is not None  # noqa: S101  # the view has seen to it
        self.plan = step.description.plan
        super().__init__(data, initial={"overwrite": step.draft.overwrite, "profile": step.reading.profile})
        if step.draft.kind != "mappings":
            del self.fields["overwrite"]
        found = self.plan.profile_label
        profile = self.fields["profile"]
        assert isinstance(profile, forms.ChoiceField)  # noqa: S101  # declared above
        profile.choices = [
            ("", f"Found: {found}" if found and not step.reading.profile else "Any tool"),
            *PROFILE_LABELS.items(),
        ]
        choices = [("", "Not used"), *FIELDS[self.plan.kind].items()]
        for number, column in enumerate(self.plan.columns):
            self.fields[f"column-{number}"] = forms.ChoiceField(
                label=f"{column.name} is",
                choices=choices,
                required=False,
                initial=column.field,
                widget=forms.Select(attrs={"class": "form-select form-select-sm"}),
            )
        self.status_words = status_words(self.plan)
        for number, each in enumerate(self.status_words):
            automatic = f"Found: {each.found}" if each.found else "Say what it means"
            self.fields[f"word-{number}"] = forms.ChoiceField(
                label=f"{each.word} means",
                choices=[("", automatic), *((meaning, meaning.capitalize()) for meaning in MEANINGS)],
                required=False,
                initial=step.reading.meanings.get(each.word, ""),
                widget=forms.Select(attrs={"class": "form-select form-select-sm"}),
            )

    @property
    def rows(self) -> list[tuple[Any, forms.BoundField, bool]]:
        """Each column with its field, and whether a question is open about it."""
        asked = {name for question in self.plan.questions for name in question.columns}
        return [
            (column, self[f"column-{number}"], column.name in asked)
            for number, column in enumerate(self.plan.columns)
        ]

    @property
    def words(self) -> list[tuple[StatusWord, forms.BoundField]]:
        """Each word that says who is active, with its field."""
        return [(each, self[f"word-{number}"]) for number, each in enumerate(self.status_words)]

    def meanings(self) -> dict[str, str]:
        """What was said of words; the others are understood as found."""
        told = {
            each.word: self.cleaned_data.get(f"word-{number}", "")
            for number, each in enumerate(self.status_words)
        }
        return {word: meaning for word, meaning in told.items() if meaning}

    def columns(self) -> dict[str, str]:
        """The field of each column."""
        return {
            column.name: self.cleaned_data.get(f"column-{number}", "")
            for number, column in enumerate(self.plan.columns)
        }


class ShownDuplicate(NamedTuple):
    """A possible duplicate as the page shows it; ``answer`` is what was said of it: same, other, ask."""

    line: int
    name: str
    other: str
    other_line: int
    score: str
    answer: str


def shown_duplicates(draft: ImportDraft, report: ImportReport) -> list[ShownDuplicate]:
    """The possible duplicates of a file, those that nobody has decided first."""
    return [
        ShownDuplicate(
            each["line"],
            each["name"],
            each["other"],
            each["other_line"],
            in_percent(each["score"]),
            draft.decisions.get(str(each["line"]), "ask"),
        )
        for each in possible_duplicates(draft, report)
    ]


def duplicate_answers(values: Mapping[str, Any]) -> dict[str, str]:
    """What the form says of each line."""
    return {name.removeprefix("same-"): str(values[name]) for name in values if name.startswith("same-")}
