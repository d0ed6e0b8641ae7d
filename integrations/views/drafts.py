"""An uploaded file on its way in: what is it, which column is what, what will happen."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from integrations.files.shape import ImportRefused
from integrations.forms.drafts import ColumnsForm, ShapeForm, duplicate_answers, shown_duplicates
from integrations.models import ImportDraft, ImportReport, Job
from integrations.services.audit import actor_of
from integrations.services.drafts import (
    DAYS_KEPT,
    NotAsSeen,
    change_columns,
    change_shape,
    check_draft,
    decide_duplicates,
    describe_draft,
    discard_draft,
    import_draft,
    start_anew,
)
from integrations.tasks import enqueue_file_import
from integrations.views.common import SignedInRequest, instance_frame, needs
from integrations.views.imports import shown_rows

DraftView = Callable[Concatenate[SignedInRequest, ImportDraft, ...], HttpResponseBase]


def on_draft(view: DraftView) -> Callable[..., HttpResponseBase]:
    """The view gets the person's own draft with the address's key; else 404 and why."""

    @needs("view_importreport")
    @wraps(view)
    def of_draft(request: SignedInRequest, /, key: uuid.UUID, **rest: Any) -> HttpResponseBase:
        own = ImportDraft.objects.of(request.user).select_related("instance")
        draft = own.filter(key=key).first()
        if draft is None or not draft.is_for(request.user):
            # Mostly somebody who goes back in the browser after an import.
            return render(request, "integrations/drafts/none.html", status=404)
        return view(request, draft, **rest)

    return of_draft


def _frame(request: SignedInRequest, draft: ImportDraft, number: int) -> dict[str, Any]:
    """What every step shows: the file, where it leads, and which step it is."""
    if draft.instance:
        target = {
            **instance_frame(request, draft.instance),
            "subject": f"mappings of {draft.instance.name}",
            "parent": draft.instance.name,
            "parent_url": draft.instance.get_absolute_url(),
            "upload_url": reverse(
                "integrations:mappings_upload", args=[draft.instance.psa, draft.instance.pk]
            ),
        }
    else:
        target = {
            "subject": "organizations",
            "parent": "Organizations",
            "parent_url": reverse("integrations:organizations"),
            "upload_url": reverse("integrations:organizations_upload"),
        }
    steps = (
        ("What is it", "draft"),
        ("Which column is what", "draft_columns"),
        ("What will happen", "draft_check"),
    )
    return {
        **target,
        "draft": draft,
        "number": number,
        "steps": [
            (place, label, reverse(f"integrations:{name}", args=[draft.key]))
            for place, (label, name) in enumerate(steps, start=1)
        ],
        "days_kept": DAYS_KEPT,
    }


@on_draft
@require_http_methods(["GET", "POST"])
def shape(request: SignedInRequest, draft: ImportDraft) -> HttpResponse:
    """What is it: how the file is laid out, with its first rows; each part can be changed."""
    step = describe_draft(draft)
    form = ShapeForm(step, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        change_shape(draft, form.shape())
        if "again" in request.POST or describe_draft(draft).refused:
            return redirect("integrations:draft", draft.key)
        return redirect("integrations:draft_columns", draft.key)
    status = 422 if form.errors else 200
    context = {**_frame(request, draft, 1), "step": step, "form": form}
    return render(request, "integrations/drafts/shape.html", context, status=status)


@on_draft
@require_http_methods(["GET", "POST"])
def columns(request: SignedInRequest, draft: ImportDraft) -> HttpResponse:
    """Which column is what; going on finds out what the import would do."""
    step = describe_draft(draft)
    if step.description is None:
        return redirect("integrations:draft", draft.key)
    form = ColumnsForm(step, request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            overwrite = form.cleaned_data.get("overwrite", False)
            profile, meanings = form.cleaned_data["profile"], form.meanings()
            step = change_columns(draft, profile, form.columns(), meanings, overwrite=overwrite)
            if "again" in request.POST:
                return redirect("integrations:draft_columns", draft.key)
            plan = step.description.plan if step.description else None
            if plan and not plan.problems and not plan.questions:
                return _check(request, draft)
            form = ColumnsForm(step)
        status = 422
    context = {**_frame(request, draft, 2), "step": step, "form": form, "plan": form.plan}
    return render(request, "integrations/drafts/columns.html", context, status=status)


def _check(request: SignedInRequest, draft: ImportDraft) -> HttpResponse:
    """Find out what the import would do, and show it; a file that cannot be read comes to its first step."""
    try:
        check_draft(draft, actor_of(request), request.user, enqueue_file_import)
    except ImportRefused as error:
        messages.error(request, str(error))
        return redirect("integrations:draft", draft.key)
    return redirect("integrations:draft_check", draft.key)


@on_draft
@require_http_methods(["GET", "POST"])
def check(request: SignedInRequest, draft: ImportDraft) -> HttpResponse:
    """What will happen, row by row; then the import of these rows. Asks again by itself while it waits."""
    stored = ImportReport.objects.filter(key=draft.checked).first() if draft.checked else None
    if request.method == "POST" and "decide" in request.POST:
        decide_duplicates(draft, duplicate_answers(request.POST))
        return _check(request, draft)
    if request.method == "POST" and "check" in request.POST:
        return _check(request, draft)
    if request.method == "POST" and request.POST.get("seen", str(draft.checked)) != str(draft.checked):
        return _not_as_seen(request, draft)
    if stored is None:
        return redirect("integrations:draft_columns", draft.key)
    if request.method == "POST":
        return _import(request, draft)
    job = Job.objects.filter(key=stored.key).first()
    context = {
        **_frame(request, draft, 3),
        **shown_rows(request, stored),
        "job": job,
        "duplicates": shown_duplicates(draft, stored),
    }
    template = "body" if request.htmx else "check"
    return render(request, f"integrations/drafts/{template}.html", context)


def _import(request: SignedInRequest, draft: ImportDraft) -> HttpResponse:
    try:
        report = import_draft(
            draft, actor_of(request), request.user, enqueue_file_import, keep_good="good" in request.POST
        )
    except NotAsSeen:
        return _not_as_seen(request, draft)
    except ImportRefused as error:
        messages.error(request, str(error))
        return redirect("integrations:draft", draft.key)
    address = reverse("integrations:import_report", args=[report.key])
    return redirect(f"{address}?outcome=failed" if report.counts.get("failed") else address)


def _not_as_seen(request: SignedInRequest, draft: ImportDraft) -> HttpResponse:
    """A second press, or one in a tab that shows what was looked at before something was changed."""
    messages.warning(
        request,
        "This press imported nothing: since its page was shown the file was checked anew, or its import was "
        "started. Look at what will happen, or at what was imported.",
    )
    still_there = ImportDraft.objects.filter(pk=draft.pk, checked__isnull=False).exists()
    return (
        redirect("integrations:draft_check", draft.key)
        if still_there
        else redirect("integrations:import_reports")
    )


@on_draft
@require_POST
def anew(request: SignedInRequest, draft: ImportDraft) -> HttpResponse:
    """Propose everything as if such a file had never been imported."""
    start_anew(draft)
    messages.info(request, "What was remembered of such files is left aside for this one.")
    return redirect("integrations:draft", draft.key)


@on_draft
@require_POST
def discard(request: SignedInRequest, draft: ImportDraft) -> HttpResponse:
    """Forget the file."""
    address = _frame(request, draft, 1)["parent_url"]
    discard_draft(draft)
    messages.info(request, "The file was discarded. Nothing of it was imported.")
    return redirect(address)
