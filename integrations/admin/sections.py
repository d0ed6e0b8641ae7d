"""The admin's index: models by what they are about, in the portal's words, without those that nobody opens.

A model of an application that is not named here stands under "Other", so that a new one is not lost.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

# Headings, and the models below each by their class names.
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Mapping",
        (
            "Organization", "OrganizationIdentifier", "OrganizationMapping", "MappingProposal",
            "RejectedMatch", "IgnoredOrganization", "ReviewNotice", "ReviewCase",
        ),
    ),
    (
        "Autotask",
        (
            "IntegrationInstance", "Company", "CompanyFilter", "FilterOption", "Expectation", "HeldRefresh",
            "HeldCompany",
        ),
    ),
    (
        "Work in the background",
        (
            "Job", "Worker", "ImportReport", "ImportDraft", "RememberedReading", "ImportSource",
            "ImportSourceRun",
        ),
    ),
    ("People", ("User", "Group", "Authenticator", "SocialAccount", "BrowserSession")),
    ("Alerts", ("Alert", "AlertMessage", "AlertPreference", "AlertReader", "AlertChannel")),
    ("Other programs", ("ApiToken", "Webhook", "WebhookDelivery")),
    ("What happened", ("AuditEvent", "AccountEvent", "Occurrence", "RefreshSummary", "RecordChange")),
)  # fmt: skip
# Models of other applications, whose own words are not the portal's.
LABELS = {
    "User": "People",
    "Group": "Roles",
    "Authenticator": "Second factors",
    "SocialAccount": "Ties to single sign-on",
}
# Parts of other rows, and rows of libraries: reached from what they belong to, never looked for.
UNLISTED = {
    "ImportReportPart",
    "ImportFilePart",
    "ImportDraftPart",
    "ImportSourcePart",
    "DBTaskResult",
    "RequestCount",
    "TablePreference",
    "AlertNotice",
    "EmailAddress",
}

_by_application = admin.site.get_app_list


def sections(request: HttpRequest, app_label: str | None = None) -> list[Any]:
    """What ``AdminSite.get_app_list`` answers: the sections, or one application where one is asked for."""
    applications = _by_application(request, app_label)
    if app_label is not None:
        return applications
    models = {model["object_name"]: model for each in applications for model in each["models"]}
    named = {name for _, names in SECTIONS for name in names}
    rest = tuple(name for name in models if name not in named | UNLISTED)
    found = []
    for heading, names in (*SECTIONS, ("Other", rest)):
        rows = [
            {**models[name], "name": LABELS.get(name, models[name]["name"])}
            for name in names
            if name in models
        ]
        if rows:
            found.append(
                {
                    "name": heading,
                    "app_label": heading.lower().replace(" ", "-"),
                    "app_url": "",
                    "has_module_perms": True,
                    "models": rows,
                }
            )
    return found


admin.site.get_app_list = sections  # type: ignore[method-assign]
