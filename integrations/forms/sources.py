"""The form of a saved source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile

from integrations.forms.imports import MOST_BYTES
from integrations.forms.rendering import WrittenOnly
from integrations.models import ImportReport, ImportSource, IntegrationInstance
from integrations.outbound.errors import AddressRefused
from integrations.services.drafts import PROFILE_LABELS
from integrations.services.instances import LONGEST_INTERVAL
from integrations.services.saved_sources import SourceSpec, check_source_url

ORGANIZATIONS = "organizations"


class SourceForm(forms.Form):
    """A source: what comes from where, and how often it is looked at."""

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    what = forms.ChoiceField(label="What it holds")
    url = forms.CharField(
        label="Address",
        required=False,
        max_length=2_000,
        help_text="An https address of a CSV, JSON or workbook file. It is sealed; pages show its host only.",
        widget=WrittenOnly(attrs={"autocomplete": "off", "inputmode": "url", "spellcheck": "false"}),
    )
    file = forms.FileField(
        label="Or a file, which you upload anew each time",
        required=False,
        error_messages={"empty": "The file is empty."},
    )
    profile = forms.ChoiceField(label="The file comes from", required=False)
    refresh_every_hours = forms.IntegerField(
        label="Refresh every … hours",
        initial=24,
        min_value=0,
        max_value=LONGEST_INTERVAL,
        help_text="0 turns the schedule off. An uploaded file has none.",
        error_messages={
            "required": "Enter the hours between two refreshes, or 0 to turn the schedule off.",
            "invalid": "Enter whole hours, or 0 to turn the schedule off.",
            "min_value": "Enter 0 or more hours; 0 turns the schedule off.",
            "max_value": f"Enter at most {LONGEST_INTERVAL} hours (31 days).",
        },
    )

    def __init__(
        self,
        user: User,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        source: ImportSource | None = None,
    ) -> None:
        initial = {}
        if source is not None:
            initial = {
                "name": source.name,
                "profile": source.reading.get("profile", ""),
                "refresh_every_hours": source.refresh_every_hours,
            }
        super().__init__(data, files, initial=initial)
        self.saved = source
        self.instances: dict[str, IntegrationInstance] = {}
        self.fields["profile"].choices = [("", "Find out"), *PROFILE_LABELS.items()]  # type: ignore[attr-defined]
        if source is not None:
            del self.fields["what"], self.fields["file"]
            if source.type != "web":
                del self.fields["url"], self.fields["refresh_every_hours"]
            else:
                told = f"At {source.host}. The rest is stored and never shown; leave this empty to keep it."
                self.fields["url"].help_text = told
            return
        choices = []
        if user.has_perms(["integrations.add_organization", "integrations.change_organization"]):
            choices.append((ORGANIZATIONS, "Organizations"))
        if user.has_perm("integrations.map_organizations"):
            rows = IntegrationInstance.objects.visible_to(user).present()
            self.instances = {str(row.pk): row for row in rows}
            choices += [(key, f"Mappings of {row.name}") for key, row in self.instances.items()]
        self.fields["what"].choices = choices  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        """One that no other source has."""
        name = str(self.cleaned_data["name"]).strip()
        others = ImportSource.objects.filter(name__iexact=name)
        if self.saved is not None:
            others = others.exclude(pk=self.saved.pk)
        if others.exists():
            raise forms.ValidationError("Another source has this name.")
        return name

    def clean_url(self) -> str:
        """An address that the portal would fetch."""
        url = str(self.cleaned_data["url"])
        if url:
            try:
                check_source_url(url)
            except AddressRefused as error:
                raise forms.ValidationError(str(error)) from error
        return url

    def clean_file(self) -> UploadedFile[bytes] | None:
        """Not larger than an upload may be."""
        file: UploadedFile[bytes] | None = self.cleaned_data["file"]
        if file and file.size and file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file is larger than {MOST_BYTES // 1_000_000} MB.")
        return file

    def clean(self) -> dict[str, Any]:
        """A new source has an address or a file."""
        cleaned = super().clean() or self.cleaned_data
        if self.saved is None and not self.errors and bool(cleaned.get("url")) == bool(cleaned.get("file")):
            self.add_error("url", "Enter an address, or choose a file; one of the two.")
        return cleaned

    def spec(self) -> SourceSpec:
        """What the valid form asks for."""
        cleaned = self.cleaned_data
        instance = self.saved.instance if self.saved else self.instances.get(cleaned["what"])
        return SourceSpec(
            cleaned["name"],
            ImportReport.Kind.MAPPINGS if instance else ImportReport.Kind.ORGANIZATIONS,
            instance,
            cleaned.get("url", ""),
            cleaned["profile"],
            cleaned.get("refresh_every_hours", 0),
        )


class NextFileForm(forms.Form):
    """The next file of a source that has no address."""

    file = forms.FileField(
        label="The next file",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )

    clean_file = SourceForm.clean_file
