"""The jobs page: what is being done in the background, and for whom."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from integrations.forms.jobs import job_query
from integrations.models import IntegrationInstance, Job
from integrations.services.jobs import list_jobs, reachable
from integrations.tasks import start_again
from integrations.views.common import SignedInRequest, needs

FILTERS = ("state", "kind", "instance")


@needs("view_job")
@require_GET
def jobs(request: SignedInRequest) -> HttpResponse:
    """The list; state, kind, configuration and page are in the address. Polls while one is open."""
    instances = IntegrationInstance.objects.visible_to(request.user).present()
    query = job_query(request.GET)
    listed = list_jobs(instances, query)
    params = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    context = {
        "listed": listed,
        "query": query,
        "rows": [
            {
                "job": job,
                "can_stop": job.can_be_stopped_by(request.user),
                "can_start_again": job.can_start_again(request.user),
            }
            for job in listed.page
        ],
        "tabs": [
            (state, label, listed.counts.get(state, 0) if state else listed.total, _address(params, state))
            for state, label in (("", "All"), *Job.State.choices)
        ],
        "kinds": Job.Kind.choices,
        "instances": instances,
        "address": request.get_full_path(),
    }
    if request.htmx:
        return render(request, "integrations/jobs/table.html", context)
    return render(request, "integrations/jobs/list.html", context)


@needs("map_organizations")
@require_POST
def cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    """Stop a waiting job at once, a running one within a page."""
    job = _job_or_404(request, pk)
    if job.can_be_stopped_by(request.user):
        job.request_cancel()
        messages.info(request, f"“{job.get_kind_display()}” of {job.subject} is being stopped.")
    elif job.is_open:
        raise Http404
    return _back(request)


@needs("map_organizations")
@require_POST
def retry(request: SignedInRequest, pk: int) -> HttpResponse:
    """Start a failed or cancelled job once more, in the name of whoever asks."""
    job = _job_or_404(request, pk)
    if not job.can_start_again(request.user):
        raise Http404
    start_again(job, request.user)
    messages.success(request, f"“{job.get_kind_display()}” of {job.subject} was started again.")
    return _back(request)


def _job_or_404(request: SignedInRequest, pk: int) -> Job:
    instances = IntegrationInstance.objects.visible_to(request.user).present()
    return get_object_or_404(Job.objects.select_related("instance").filter(reachable(instances)), pk=pk)


def _address(params: dict[str, str], state: str) -> str:
    return urlencode(
        {**params, "state": state} if state else {k: v for k, v in params.items() if k != "state"}
    )


def _back(request: SignedInRequest) -> HttpResponse:
    """Back to the list as it was: its filters travel in hidden fields."""
    query = job_query(request.POST.dict())
    address_params = {"state": query.state, "kind": query.kind, "instance": query.instance}
    address = urlencode({name: value for name, value in address_params.items() if value})
    return redirect(f"{reverse('integrations:jobs')}?{address}" if address else "integrations:jobs")
