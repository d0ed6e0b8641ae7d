"""The figures of the portal in Prometheus' text form."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from django.db import DatabaseError
from django.db.models import Count, Min
from django.utils import timezone

from integrations.database.faults import Fault, fault_of
from integrations.models import ApiToken, IntegrationInstance, Job, Organization, OrganizationMapping, Worker
from integrations.models.bases import known_time
from integrations.services.instances.schedule import overdue
from integrations.services.operations.health import clock_difference

Sample = tuple[Mapping[str, object], float]


def _of(instance: IntegrationInstance) -> dict[str, object]:
    return {"psa": instance.psa, "instance": instance.name, "id": instance.pk}


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> str:
    """One metric in the text format; https://prometheus.io/docs/instrumenting/exposition_formats/."""
    lines = [f"# HELP {name} {text}\n", f"# TYPE {name} {kind}\n"]
    for labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(str(given))}"' for label, given in labels.items())
        lines.append(f"{name}{{{inner}}} {value}\n" if inner else f"{name} {value}\n")
    return "".join(lines)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _job_lines(now: dt.datetime) -> Iterator[str]:
    jobs = Job.objects.order_by().values_list("kind", "state").annotate(Count("pk"))
    yield _metric(
        "portal_jobs", "gauge", "Jobs kept, by kind and state.",
        [({"kind": kind, "state": state}, number) for kind, state, number in jobs],
    )  # fmt: skip
    oldest = Job.objects.filter(state=Job.State.WAITING).aggregate(at=Min("created_at"))["at"]
    yield _metric(
        "portal_job_oldest_waiting_seconds", "gauge", "How long the oldest waiting job has waited.",
        [({}, max(0.0, (now - oldest).total_seconds()) if oldest else 0)],
    )  # fmt: skip
    stalled = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=now).count()
    yield _metric("portal_jobs_stalled", "gauge", "Running jobs whose worker is silent.", [({}, stalled)])
    running = (
        Job.objects.filter(state=Job.State.RUNNING).order_by().values_list("kind").annotate(Min("started_at"))
    )
    yield _metric(
        "portal_job_running_seconds", "gauge", "How long the oldest running job of a kind has been running.",
        [({"kind": kind}, max(0.0, (now - at).total_seconds())) for kind, at in running if at],
    )  # fmt: skip


def _worker_lines(now: dt.datetime) -> Iterator[str]:
    difference = clock_difference()
    yield _metric(
        "portal_clock_difference_seconds",
        "gauge",
        "This machine's clock before the database's.",
        [({}, difference)],
    )
    alive = Worker.objects.alive().count()
    yield _metric("portal_workers", "gauge", "Workers heard of within a minute.", [({}, alive)])


def _portal_lines(now: dt.datetime) -> Iterator[str]:
    yield _metric(
        "portal_organizations", "gauge", "Organizations.", [({}, Organization.objects.present().count())]
    )
    ending = ApiToken.objects.ending_soon().count()
    yield _metric("portal_tokens_ending", "gauge", "API tokens that end within 30 days.", [({}, ending)])


def _instance_lines(now: dt.datetime) -> Iterator[str]:
    late = overdue(now)
    yield _metric("portal_schedule_overdue", "gauge", "Turns late by more than an hour.", [({}, late)])
    instances = list(IntegrationInstance.objects.present())
    connected = IntegrationInstance.Status.CONNECTED
    yield _metric(
        "portal_instance_up", "gauge", "1 when the last check or read of the configuration was accepted.",
        [(_of(instance), int(instance.status == connected)) for instance in instances],
    )  # fmt: skip
    yield _metric(
        "portal_instance_data_age_seconds", "gauge", "Since the companies of the configuration were read.",
        [
            (_of(instance), (now - read).total_seconds())
            for instance in instances
            if (read := known_time(instance.last_refreshed_at, now))
        ],
    )  # fmt: skip
    mapped = dict(
        OrganizationMapping.objects.in_tables().order_by().values_list("instance").annotate(Count("pk"))
    )
    yield _metric(
        "portal_mappings", "gauge", "Mappings in force.",
        [(_of(instance), mapped.get(instance.pk, 0)) for instance in instances],
    )  # fmt: skip


def _database_lines() -> Iterator[str]:
    """The figures that can be had: a table that somebody holds hides what is read after it of its group."""
    now, held = timezone.now(), 0
    for group in (_job_lines, _worker_lines, _portal_lines, _instance_lines):
        try:
            yield from group(now)
        except DatabaseError as error:
            if fault_of(error) is not Fault.BUSY:
                raise
            held += 1
    yield _metric(
        "portal_figures_held", "gauge", "Groups of figures cut short by a held table.", [({}, held)]
    )


def _request_lines(numbers: Counter[str]) -> Iterable[str]:
    requests = [
        ({"view": view, "status": status}, float(number))
        for key, number in sorted(numbers.items())
        for kind, _, rest in [key.partition("|")]
        for view, _, status in [rest.rpartition("|")]
        if kind == "requests"
    ]
    yield _metric("portal_http_requests_total", "counter", "Requests answered.", requests)
    bounds = [key.removeprefix("under|") for key in numbers if key.startswith("under|")]
    yield "# HELP portal_http_request_seconds How long requests took.\n"
    yield "# TYPE portal_http_request_seconds histogram\n"
    below = 0
    for bound in sorted((bound for bound in bounds if bound != "+Inf"), key=float):
        below += numbers[f"under|{bound}"]
        yield f'portal_http_request_seconds_bucket{{le="{bound}"}} {below}\n'
    total = below + numbers["under|+Inf"]
    yield f'portal_http_request_seconds_bucket{{le="+Inf"}} {total}\n'
    yield f"portal_http_request_seconds_sum {float(numbers['seconds'])}\n"
    yield f"portal_http_request_seconds_count {total}\n"


def metrics_text(requests: Counter[str]) -> str:
    """All figures in Prometheus' text format; ``requests`` are this machine's counters."""
    return "".join(_database_lines()) + "".join(_request_lines(requests))
