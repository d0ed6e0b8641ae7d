"""Uploads of mappings and configurations, the choice of companies to import, and the report's address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from integrations.files.text import whole_number
from integrations.services.imports import CompanyQuery, ImportOptions, Outcome

MOST_BYTES = 40_000_000


class FileForm(forms.Form):
    """A CSV or JSON file, and what becomes of its good rows when others are not."""

    ALL = "all"
    GOOD = "good"

    file = forms.FileField(
        label="File",
        widget=forms.FileInput(
            attrs={"accept": ".csv,text/csv,.tsv,.txt,.json,.jsonl,application/json,.xlsx,.xls,.ods"}
        ),
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )
    rows = forms.ChoiceField(
        label="When some rows have errors",
        choices=[(ALL, "Import nothing, so that I can mend the file"), (GOOD, "Import the good rows")],
        initial=ALL,
        required=False,  # the steps of a file ask for it later
        widget=forms.RadioSelect,
    )

    def clean_file(self) -> UploadedFile[bytes]:
        """Not larger than a page can wait for."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size and file.size > MOST_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {MOST_BYTES // 1_000_000} MB. Split it, or import it by command."
            )
        return file

    @property
    def options(self) -> ImportOptions:
        """How the file is to be taken; the button says whether it is only checked."""
        return ImportOptions(
            dry_run="check" in self.data,
            keep_good=self.cleaned_data["rows"] == self.GOOD,
            overwrite=self.cleaned_data.get("overwrite", False),
            file_name=self.cleaned_data["file"].name or "",
        )


class MappingFileForm(FileForm):
    """A file of mappings for one configuration."""

    overwrite = forms.BooleanField(
        required=False,
        label="Change mappings that name another company now",
        help_text="Otherwise such rows are skipped.",
    )


class CompaniesForm(forms.Form):
    """Reads the query string; a value that makes no sense counts as not given."""

    q = forms.CharField(max_length=200)
    status = forms.ChoiceField(choices=[("active", "Active"), ("inactive", "Inactive")])
    type = forms.RegexField(r"^-?[0-9]{1,9}$")
    mapped = forms.ChoiceField(choices=[("1", "Also mapped ones")])
    page = forms.IntegerField(min_value=1, max_value=1_000_000)


def companies_query(values: Mapping[str, Any]) -> tuple[CompanyQuery, int]:
    """The companies that an address asks for, and the page."""
    form = CompaniesForm(values)
    form.is_valid()
    cleaned = form.cleaned_data
    query = CompanyQuery(
        text=cleaned.get("q", ""),
        status=cleaned.get("status", ""),
        company_type=cleaned.get("type", ""),
        mapped=cleaned.get("mapped") == "1",
    )
    return query, cleaned.get("page") or 1


def companies_answers(values: QueryDict) -> dict[int, str]:
    """What is to be done with each ticked company: "create", the id of an organization, or "" for not said.

    Where the form asked nothing, the company becomes an organization.
    """
    ticked = [number for text in values.getlist("company") if (number := whole_number(text)) is not None]
    return {number: values.get(f"as-{number}", "create") for number in ticked}


class ReportForm(forms.Form):
    """Reads the query string of a report."""

    outcome = forms.TypedChoiceField(
        choices=[(outcome.value, outcome.value) for outcome in Outcome], coerce=Outcome
    )
    page = forms.IntegerField(min_value=1, max_value=1_000_000)


def report_query(values: Mapping[str, Any]) -> tuple[Outcome | None, int]:
    """The outcome that an address asks for (None: all), and the page."""
    form = ReportForm(values)
    form.is_valid()
    return form.cleaned_data.get("outcome") or None, form.cleaned_data.get("page") or 1
