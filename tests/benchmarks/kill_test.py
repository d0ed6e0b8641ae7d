"""Kill -9 at random moments: no mapping is lost or half written, no company wrongly missing, every job ends.

Run from the root of the project (the database is emptied!)::

    nice .venv/bin/python -m tests.benchmarks.kill_test [--database sqlite|postgres://...] [--runs 100]

Each run starts a worker on a full refresh and a process that saves 200 mappings as the web server does, kills
one of them at a random moment, and lets a new worker finish. The lease is 5 seconds.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from tests.benchmarks import fleet, large
from tests.benchmarks.workers import large_hosts

ROWS, COMPANIES, LEASE = 200, 1500, 5
SAVE = """
import django; django.setup()
from django.contrib.auth.models import User
from integrations.models import IntegrationInstance
from integrations.services.audit import Actor, Batch
from integrations.services.mapping.save import save_mappings
user = User.objects.get(username="bench")
instance = IntegrationInstance.objects.get()
print("ready", flush=True)
save_mappings(Batch(Actor("bench", "kill test", user)), user, instance)
"""


def propose(user: Any, instance: Any, turn: int) -> None:
    """Put 200 changes before the person: every organization moves on to the next company."""
    from integrations.models import MappingProposal, Organization, OrganizationMapping

    companies = list(instance.companies.offered().order_by("pk").values_list("pk", flat=True)[: ROWS + 100])
    versions = dict(OrganizationMapping.objects.values_list("organization_id", "version"))
    MappingProposal.objects.all().delete()
    MappingProposal.objects.bulk_create(
        MappingProposal(
            user=user, instance=instance, organization_id=pk, kind="chosen", selected=True,
            company_id=companies[(index + turn) % len(companies)], seen_version=versions.get(pk, 0),
        )
        for index, pk in enumerate(Organization.objects.order_by("pk").values_list("pk", flat=True))
    )  # fmt: skip


def mapped() -> dict[int, tuple[int, int]]:
    """Company and version of every organization."""
    from integrations.models import OrganizationMapping

    return {
        pk: (company, version)
        for pk, company, version in OrganizationMapping.objects.values_list(
            "organization_id", "company_id", "version"
        )
    }


def save_time(user: Any, instance: Any) -> float:
    """Seconds that the process takes to save when nobody kills it; kills are spread over a little more."""
    propose(user, instance, 50)
    saving = subprocess.Popen(
        [sys.executable, "-c", SAVE], env=dict(os.environ), cwd=fleet.ROOT, stdout=subprocess.PIPE
    )
    assert saving.stdout is not None
    saving.stdout.readline()
    began = time.monotonic()
    saving.wait()
    saving.stdout.close()
    return time.monotonic() - began


def one_run(user: Any, instance: Any, turn: int, rng: random.Random, takes: float) -> Counter[str]:
    """One kill; what was found wrong by name, and how it came out."""
    from integrations import tasks
    from integrations.models import AuditEvent, Job, MappingProposal

    propose(user, instance, turn)
    wanted = dict(MappingProposal.objects.values_list("organization_id", "company_id"))
    before, events = mapped(), AuditEvent.objects.count()
    job = tasks.enqueue_refresh(instance, None, full=True)
    victim = rng.choice(["worker", "web"])
    with fleet.workers(1) as (worker,):
        saving = subprocess.Popen(
            [sys.executable, "-c", SAVE], env=dict(os.environ), cwd=fleet.ROOT, stdout=subprocess.PIPE
        )
        assert saving.stdout is not None
        saving.stdout.readline()  # from here on it saves
        if victim == "web":
            time.sleep(rng.uniform(0.0, 1.3 * takes))
            saving.kill()
        else:
            fleet.wait_for(lambda: Job.objects.get(pk=job.pk).state != "waiting", 60)
            time.sleep(rng.uniform(0.0, 1.5))
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        saving.wait()
        saving.stdout.close()
        told = Counter({f"{victim} killed": 1})
        killed_at = time.monotonic()
        if victim == "worker":
            with fleet.workers(1):
                fleet.wait_for(lambda: fleet.open_jobs() == 0, 90)
        else:
            fleet.wait_for(lambda: fleet.open_jobs() == 0, 90)
        told["slowest end, s"] = int(time.monotonic() - killed_at)
    job.refresh_from_db()
    told[f"job {job.state}"] += 1
    told["taken up again"] += job.attempts > 1
    after = mapped()
    saved = sum(after.get(pk, (0, 0))[0] == company for pk, company in wanted.items())
    left = MappingProposal.objects.count()
    recorded = AuditEvent.objects.count() - events
    if (saved, left, recorded) == (ROWS, 0, ROWS):
        told["saves whole"] += 1
    elif after == before and (left, recorded) == (ROWS, 0):
        told["saves not at all"] += 1
    else:
        told["LOST OR HALF WRITTEN"] += 1
    told["WRONGLY MISSING"] += instance.companies.exclude(missing_since=None).count()
    told["WRONG NUMBER OF COMPANIES"] += instance.companies.count() != COMPANIES
    told["JOB NOT ENDED WELL"] += job.state != "done"
    return told


def main() -> int:
    """All runs; the exit status says whether nothing was found wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    total: Counter[str] = Counter()
    with fleet.simulated_autotask([COMPANIES], 0.15) as base_url:
        large_hosts(base_url)
        large.settings(options.database, JOB_LEASE_SECONDS=str(LEASE))
        from integrations import tasks
        from integrations.models import Organization

        user = large.person()
        Organization.objects.bulk_create([Organization(name=f"Organization {n}") for n in range(ROWS)])
        instance = fleet.make_instances(1, 1, base_url)[0]
        tasks.do_job(tasks.enqueue_refresh(instance, None, full=True).key)
        slowest = 0
        takes = save_time(user, instance)
        for turn in range(options.runs):
            told = one_run(user, instance, turn, rng, takes)
            slowest = max(slowest, told.pop("slowest end, s"))
            total += told
            large.say(turn + 1, dict(total))
    wrong = sum(number for name, number in total.items() if name.isupper())
    large.say(
        f"{options.runs} runs on {options.database.partition(':')[0]}: {wrong} wrong; slowest end {slowest} s"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
