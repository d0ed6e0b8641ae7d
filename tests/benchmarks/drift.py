"""What the inbox costs: a refresh with it and without, its page beside the mapping page, Keep beside Save.

Run from the root of the project (the database is emptied!)::

    nice .venv/bin/python -m tests.benchmarks.drift [--database sqlite|postgres://...]
        [--mappings 50000] [--drifted 0.05] [--rounds 3] [--looks 15]

Every organization is mapped; in each round the share ``--drifted`` of the companies is renamed or retyped,
in turn with the inbox and without (nothing is recorded or compared). The simulator runs in this process.
Each pair is measured in one run, in turn, after one that does not count; the median counts, by the clock and
by processor time (of this process: the simulator's is in it, PostgreSQL's is not). What is allowed is asked
of the processor time, which a busy machine changes least.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from tests.benchmarks import large

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from integrations.models import IntegrationInstance
    from integrations.simulators.autotask.tenant import Tenant

ALLOWED_REFRESH = 1.1
USERNAME, SECRET = "api-bench@northwind.example", "Heron-71-blue-lantern"


class Unwatched:
    """Progress that nobody looks at."""

    def report_progress(self, done: int, total: int | None, message: str = "") -> None:
        """Nobody asks."""

    def assert_held(self) -> None:
        """It is."""


class Taken(NamedTuple):
    """Seconds of the clock, and of the processor."""

    clock: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.clock:.3f} s (CPU {self.cpu:.3f})"


def seconds(work: Callable[[], object]) -> Taken:
    """How long it took."""
    gc.collect()  # what was left behind before is not paid for here
    began, began_cpu = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - began, time.process_time() - began_cpu)


def middle(found: Sequence[Taken]) -> Taken:
    """The median, each way by itself."""
    return Taken(*(statistics.median(column) for column in zip(*found, strict=True)))


@contextmanager
def without_inbox() -> Iterator[None]:
    """Nothing is recorded of what a refresh changes."""
    nothing: Any = lambda *_, **__: None  # noqa: E731
    with ExitStack() as stack:
        for place in ("take_over.record_changes", "refresh.summarize", "reading.record_changes"):
            stack.enter_context(mock.patch(f"integrations.services.companies.{place}", nothing))
        yield


def read(instance: IntegrationInstance, *, inbox: bool) -> Taken:
    """Seconds of a full refresh as a job does it."""
    from integrations.services.companies import refresh_options
    from integrations.services.drift import compare_refreshes
    from integrations.services.webhooks import note_reviews

    def work() -> None:
        outcome = refresh_options(instance, Unwatched(), full=True)
        if inbox:
            compare_refreshes(instance, outcome.name_keys)
        note_reviews()

    if inbox:
        return seconds(work)
    with without_inbox():
        return seconds(work)


def drift(tenant: Tenant, number: int, share: float, round_: int) -> None:
    """Rename every other one of the drifted companies, and give the others another type."""
    step = round(1 / share)
    for place, company in enumerate(range(1000, 1000 + number, step)):
        name = f"Company {company} of the round {round_}"
        tenant.companies.change(
            company, {"companyName": name} if place % 2 else {"companyType": 1 + round_ % 6}
        )


def make_mappings(instance: IntegrationInstance, user: User) -> None:
    """An organization for each company, mapped to it."""
    from django.utils import timezone

    from integrations.models import Organization, OrganizationMapping

    companies = list(instance.companies.offered())
    Organization.objects.bulk_create(
        [Organization(name=company.name) for company in companies], batch_size=1_000
    )
    organizations = Organization.objects.order_by("pk")
    OrganizationMapping.objects.bulk_create(
        [
            OrganizationMapping(
                organization=organization, psa=instance.psa, instance=instance, company=company,
                confirmed_name=company.name, confirmed_at=timezone.now(), confirmed_by=user,
            )
            for organization, company in zip(organizations, companies, strict=True)
        ],
        batch_size=1_000,
    )  # fmt: skip


def pages(addresses: Sequence[str], user: User, times: int) -> list[Taken]:
    """The median of each page, asked for in turn; the first look does not count."""
    from django.test import Client

    client = Client()
    client.force_login(user)
    found: dict[str, list[Taken]] = {address: [] for address in addresses}
    for _ in range(times + 1):
        for address in addresses:
            found[address].append(seconds(lambda address=address: client.get(address)))  # type: ignore[misc]
    assert all(client.get(address).status_code == 200 for address in addresses)
    return [middle(found[address][1:]) for address in addresses]


def decide(instance: IntegrationInstance, user: User) -> tuple[Taken, Taken, int]:
    """Seconds of keeping all rows of the inbox, and of saving as many rows; and how many they were."""
    from integrations.models import IntegrationInstance, MappingProposal
    from integrations.services.audit import Actor, Batch
    from integrations.services.drift import Decision, decide_cases, open_mappings
    from integrations.services.mapping import save_mappings
    from integrations.services.mapping.seen import row_keys

    instances = IntegrationInstance.objects.filter(pk=instance.pk)
    actor = Actor.person(user, "192.0.2.7")
    rows = list(open_mappings(instances).with_names())
    seen = list(row_keys(rows).values())
    kept = []
    keeping = seconds(lambda: kept.append(decide_cases(Batch(actor), instances, Decision.KEEP, seen)))
    assert kept[0].done == len(rows)
    assert not open_mappings(instances).exists()
    free = [row.company for row in rows][::-1]
    MappingProposal.objects.bulk_create(
        [
            MappingProposal(
                user=user, instance=instance, organization=row.organization, company=company, kind="chosen",
                selected=True, seen_version=row.version + 1,
            )
            for row, company in zip(rows, free, strict=True)
        ],
        batch_size=500,
    )  # fmt: skip
    saved = []
    saving = seconds(lambda: saved.append(save_mappings(Batch(actor), user, instance)))
    assert saved[0].changed == len(rows)
    return keeping, saving, len(rows)


def measure(options: argparse.Namespace) -> bool:
    """Measure all three pairs; whether each stayed within what is allowed."""
    from django.conf import settings
    from django.contrib.auth.models import User

    from integrations.models import IntegrationInstance
    from integrations.simulators.autotask.server import Simulator
    from integrations.simulators.autotask.tenant import Tenant

    number = options.mappings
    companies = [
        {"id": 1000 + place, "companyName": f"Company {1000 + place} at first", "companyType": 1}
        for place in range(number)
    ]
    tenant = Tenant(username=USERNAME, secret=SECRET, tracking_identifier="X" * 26, companies=companies)
    tenant.budget.limit = 10**9
    user = User.objects.create_superuser("bench")
    with Simulator([tenant]) as running:
        settings.AUTOTASK_EXTRA_HOSTS = [running.base_url.removeprefix("http://")]
        settings.AUTOTASK_DISCOVERY_URL = running.base_url
        instance = IntegrationInstance(
            psa="autotask", name="Bench", username=USERNAME, api_url=f"{running.base_url}/ATServicesRest/",
            status="connected",
        )  # fmt: skip
        instance.credentials = {"secret": SECRET, "tracking_identifier": "X" * 26}
        instance.save()
        read(instance, inbox=True)
        make_mappings(instance, user)
        rounds = iter(range(2, 1_000))

        def refresh(*, inbox: bool) -> Taken:
            drift(tenant, number, options.drifted, next(rounds))
            return read(instance, inbox=inbox)

        times = [(refresh(inbox=False), refresh(inbox=True)) for _ in range(options.rounds + 1)][1:]
        without, with_it = (middle(column) for column in zip(*times, strict=True))
        large.say(f"refresh: with the inbox {with_it}, without {without}: {ratio(with_it, without)}")
        inbox, table = pages(["/drift/", f"{instance.get_absolute_url()}?state=review"], user, options.looks)
        large.say(f"page: inbox {inbox}, mapping page {table}: {ratio(inbox, table)}")
        decided = [decide(instance, user)]
        for _ in range(options.rounds):
            refresh(inbox=True)
            decided.append(decide(instance, user))
    keeping, saving = (
        middle([each[0] for each in decided[1:]]), middle([each[1] for each in decided[1:]])
    )  # fmt: skip
    large.say(f"{decided[-1][2]:,} rows: keep {keeping}, save {saving}: {ratio(keeping, saving)}")
    is_fast = with_it.cpu <= ALLOWED_REFRESH * without.cpu
    return is_fast and inbox.cpu <= table.cpu and keeping.cpu <= saving.cpu


def ratio(one: Taken, other: Taken) -> str:
    """How much longer the one took, in words."""
    return f"{one.clock / other.clock:.2f} by the clock, {one.cpu / other.cpu:.2f} by CPU"


def main() -> int:
    """Measure; the exit status says whether all stayed within what is allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--mappings", type=int, default=50_000)
    parser.add_argument("--drifted", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--looks", type=int, default=15)
    options = parser.parse_args()
    large.settings(options.database)
    large.say(f"{options.database.partition(':')[0]}, {options.mappings:,} mappings")
    return 0 if measure(options) else 1


if __name__ == "__main__":
    sys.exit(main())
