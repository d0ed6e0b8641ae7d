"""The kept reports of imports."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from integrations.forms.imports import report_query
from integrations.models import AuditEvent, ImportDraft, ImportReport, Job
from integrations.services.imports import Outcome, as_csv, rows_between
from integrations.views.common import SignedInRequest, csv_response, may_undo, needs

REPORTS_A_PAGE = 50
ROWS_A_PAGE = 200


@needs("view_importreport")
@require_GET
def reports(request: SignedInRequest) -> HttpResponse:
    """All imports, newest first."""
    listed = ImportReport.objects.select_related("instance")
    page = Paginator(listed, REPORTS_A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "days_kept": settings.IMPORT_REPORT_DAYS}
    return render(request, "integrations/imports/list.html", context)


@needs("view_importreport")
@require_GET
def report(request: SignedInRequest, key: uuid.UUID) -> HttpResponse:
    """One import and what became of each row; asks again by itself while the import runs."""
    stored = get_object_or_404(ImportReport.objects.select_related("instance"), key=key)
    context = {
        **shown_rows(request, stored),
        "job": Job.objects.filter(key=key).first(),
        "draft": ImportDraft.objects.of(request.user).filter(checked=key).first(),
        "may_undo": stored.batch is not None
        and may_undo(request, AuditEvent.objects.filter(batch=stored.batch)),
    }
    if request.htmx:
        return render(request, "integrations/imports/body.html", context)
    return render(request, "integrations/imports/report.html", context)


def shown_rows(request: SignedInRequest, stored: ImportReport) -> dict[str, Any]:
    """The report with a page of its rows: outcome and page are in the address."""
    outcome, number = report_query(request.GET)
    total = stored.counts.get(outcome.value, 0) if outcome else sum(stored.counts.values())
    page = Paginator(range(total), ROWS_A_PAGE).get_page(number)
    start = page.start_index() - 1 if total else 0
    written = stored.was_written
    return {
        "report": stored,
        "page": page,
        "outcome": outcome,
        "rows": [
            (row, row.outcome.label(written=written))
            for row in rows_between(stored, outcome, start, ROWS_A_PAGE)
        ],
        "tabs": [
            ("", "All", sum(stored.counts.values())),
            *(
                (choice.value, choice.label(written=written), stored.counts.get(choice.value, 0))
                for choice in Outcome
            ),
        ],
    }


@needs("view_importreport")
@require_GET
def report_rows(request: SignedInRequest, key: uuid.UUID) -> StreamingHttpResponse:
    """The rows of a report as a CSV file."""
    stored = get_object_or_404(ImportReport, key=key)
    return csv_response(as_csv(stored), f"import-{stored.kind}-{timezone.localtime(stored.at):%Y-%m-%d}.csv")
