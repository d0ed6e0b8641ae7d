"""The list of jobs: what runs, waits, failed or is done."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet

from integrations.models import IntegrationInstance, Job, Worker

PAGE_SIZE = 50


@dataclass(frozen=True)
class JobQuery:
    """What the address asks for; "" means all."""

    state: str = ""
    kind: str = ""
    instance: int | None = None
    page: int = 1


@dataclass(frozen=True)
class JobList:
    """One page of jobs, newest first, how many there are in each state, and how many workers there are."""

    page: Page[Job]
    counts: dict[str, int]
    total: int
    open: int
    workers: int


def list_jobs(instances: QuerySet[IntegrationInstance], query: JobQuery) -> JobList:
    """The jobs of these instances that the query asks for; four queries however many there are."""
    jobs = Job.objects.filter(reachable(instances))
    if query.kind:
        jobs = jobs.filter(kind=query.kind)
    if query.instance is not None:
        jobs = jobs.filter(instance=query.instance)
    counts: dict[str, int] = dict(jobs.order_by().values_list("state").annotate(Count("pk")))
    shown = jobs.filter(state=query.state) if query.state else jobs
    page = Paginator(shown.select_related("instance", "created_by"), PAGE_SIZE).get_page(query.page)
    return JobList(
        page=page,
        counts=counts,
        total=sum(counts.values()),
        open=sum(counts.get(state, 0) for state in Job.OPEN),
        workers=Worker.objects.alive().count(),
    )


def reachable(instances: QuerySet[IntegrationInstance]) -> Q:
    """The jobs of these configurations, and those of the whole portal."""
    return Q(instance__in=instances) | Q(instance=None)
