"""Saved sources: the list, making and changing one, what changed in it, and on to its import."""

from __future__ import annotations

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.files.shape import ImportRefused
from integrations.forms.sources import NextFileForm, SourceForm
from integrations.models import ImportSource, Job
from integrations.services.audit import Batch, actor_of
from integrations.services.drafts import check_draft, describe_draft
from integrations.services.saved_sources import (
    RUNS_KEPT,
    SourceFailed,
    change_source,
    create_source,
    delete_source,
    draft_of_source,
    replace_file,
)
from integrations.tasks import enqueue_file_import, enqueue_source_refresh
from integrations.views.common import SignedInRequest, form_status, needs, takes_file


def _source_or_404(request: SignedInRequest, pk: int, *, to_change: bool = True) -> ImportSource:
    """The source, unless its configuration is gone or this person may not do what is asked."""
    sources = ImportSource.objects.select_related("instance").exclude(instance__deleted_at__isnull=False)
    source = get_object_or_404(sources, pk=min(pk, 2**63 - 1))
    if to_change and not source.is_for(request.user):
        raise Http404
    return source


@needs("view_importreport")
@require_GET
def sources(request: SignedInRequest) -> HttpResponse:
    """Every source, with what its last refresh found."""
    rows = ImportSource.objects.select_related("instance").exclude(instance__deleted_at__isnull=False)
    listed = [(row, row.runs.first()) for row in rows.defer("entries")]
    return render(request, "integrations/sources/list.html", {"sources": listed})


@needs("map_organizations")
@needs("view_importreport")
@takes_file
@require_http_methods(["GET", "POST"])
def add(request: SignedInRequest) -> HttpResponse:
    """Make a source; a web address is fetched by a worker, a file is looked at now."""
    form = SourceForm(request.user, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data.get("file")
        source = create_source(Batch(actor_of(request)), form.spec(), file)
        if file:
            _look_at(request, source, file)
        else:
            enqueue_source_refresh(source, request.user)
        return redirect(source)
    return render(request, "integrations/sources/form.html", {"form": form}, status=form_status(form))


@needs("view_importreport")
@require_GET
def source(request: SignedInRequest, pk: int) -> HttpResponse:
    """One source: what changed since the last time, and the refreshes before. Asks again while one runs."""
    row = _source_or_404(request, pk, to_change=False)
    runs = list(row.runs.all()[:RUNS_KEPT])
    context = {
        "source": row,
        "runs": runs,
        "latest": next((run for run in runs if not run.error), None),
        "job": Job.objects.open().filter(kind=Job.Kind.REFRESH_SOURCE, options__source=row.pk).first(),
        "may_change": row.is_for(request.user),
        "form": NextFileForm(),
    }
    template = "body" if request.htmx else "detail"
    return render(request, f"integrations/sources/{template}.html", context)


@needs("map_organizations")
@needs("view_importreport")
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change name, address, tool or schedule."""
    row = _source_or_404(request, pk)
    form = SourceForm(request.user, request.POST or None, source=row)
    if request.method == "POST" and form.is_valid():
        if change_source(Batch(actor_of(request)), row, form.spec()):
            messages.success(request, "The source was saved.")
        else:
            messages.info(request, "Nothing was saved: nothing differs.")
        return redirect(row)
    context = {"form": form, "source": row}
    return render(request, "integrations/sources/form.html", context, status=form_status(form))


@needs("map_organizations")
@needs("view_importreport")
@require_POST
def refresh(request: SignedInRequest, pk: int) -> HttpResponse:
    """Look at the file now, in the background."""
    row = _source_or_404(request, pk)
    enqueue_source_refresh(row, request.user)
    return redirect(row)


@needs("map_organizations")
@needs("view_importreport")
@takes_file
@require_POST
def upload(request: SignedInRequest, pk: int) -> HttpResponse:
    """Put the next file in the place of the last one."""
    row = _source_or_404(request, pk)
    form = NextFileForm(request.POST, request.FILES)
    if row.type != "kept":
        raise Http404
    if form.is_valid():
        _look_at(request, row, form.cleaned_data["file"])
    else:
        messages.error(request, " ".join(str(error) for error in form["file"].errors))
    return redirect(row)


def _look_at(request: SignedInRequest, row: ImportSource, file: UploadedFile[bytes]) -> None:
    try:
        messages.success(request, replace_file(row, actor_of(request), file))
    except SourceFailed as error:
        messages.error(request, str(error))


@needs("map_organizations")
@needs("view_importreport")
@require_POST
def start_import(request: SignedInRequest, pk: int) -> HttpResponse:
    """On to the import of the file: to what will happen, or to the question that is open before."""
    row = _source_or_404(request, pk)
    try:
        draft = draft_of_source(request.user, row)
    except SourceFailed as error:
        messages.error(request, str(error))
        return redirect(row)
    step = describe_draft(draft)
    if step.description is None:
        return redirect("integrations:draft", draft.key)
    plan = step.description.plan
    if plan.questions or plan.problems:
        return redirect("integrations:draft_columns", draft.key)
    try:
        check_draft(draft, actor_of(request), request.user, enqueue_file_import)
    except ImportRefused as error:
        messages.error(request, str(error))
        return redirect("integrations:draft", draft.key)
    return redirect("integrations:draft_check", draft.key)


@needs("map_organizations")
@needs("view_importreport")
@require_http_methods(["GET", "POST"])
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Forget the source; asks first."""
    row = _source_or_404(request, pk)
    if request.method == "POST":
        delete_source(Batch(actor_of(request)), row)
        messages.success(request, f"The source {row.name} was deleted. What was imported from it stays.")
        return redirect("integrations:sources")
    return render(request, "integrations/sources/delete.html", {"source": row})
