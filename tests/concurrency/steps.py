"""What the processes of the concurrency tests do, each on the database that DATABASE_URL names.

Run as ``python -m tests.concurrency.steps STEP [ARGUMENT ...] [+ STEP ...]``. Steps joined by ``+`` begin
at the same moment, each in a process of its own. The last line of the output is a JSON list of what they
told.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402  # after the setup
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from integrations import tasks  # noqa: E402
from integrations.models import IntegrationInstance, Job, MappingProposal, Organization, Right  # noqa: E402
from integrations.psa.registry import PROVIDERS  # noqa: E402
from integrations.services.audit import Actor, Batch  # noqa: E402
from integrations.services.history import undo as undoing  # noqa: E402
from integrations.services.instances import delete as deletion  # noqa: E402
from integrations.services.jobs import run as jobs  # noqa: E402
from integrations.services.mapping import proposals  # noqa: E402
from integrations.services.mapping import save as mappings  # noqa: E402
from integrations.services.read_api import (  # noqa: E402
    TokenSpec,
    TooManyRequests,
    authenticate,
    create_token,
)
from integrations.services.suggestions import suggest as suggestions  # noqa: E402
from tests.concurrency import people_steps  # noqa: E402
from tests.support.rows import make_company, make_instance, make_mapping  # noqa: E402
from tests.support.simulated import ImpatientAutotask, actor_of, connect, make_organization  # noqa: E402

PROVIDERS["autotask"] = ImpatientAutotask()
PEOPLE = ("anna", "ben", "cleo")


# --- people who map -----------------------------------------------------------------------------------


def prepare_rows() -> dict[str, Any]:
    """Three people, two configurations, the second with a waiting job, and five organizations."""
    for name in PEOPLE:
        User.objects.create(username=name)
    for number in range(2):
        instance = make_instance(f"Tenant {number}")
        for company in range(3):
            make_company(instance, 100 + company, f"Company {number}{company}")
    for number in range(5):
        make_organization(f"Organization {number}")
    first, second = IntegrationInstance.objects.order_by("pk")
    make_mapping(Organization.objects.all()[0], first.companies.all()[0])
    jobs.open_job(Job.Kind.REFRESH_OPTIONS, second, None, {})
    return {}


def map_for_a_while(name: str, seed: str, rounds: str) -> dict[str, Any]:
    """Choose, save, take back and suggest at random; tells how many rows were saved, put back and refused."""
    chance = random.Random(int(seed))
    user = User.objects.get(username=name)
    instances = list(IntegrationInstance.objects.order_by("pk"))
    companies = {instance.pk: list(instance.companies.order_by("pk")) for instance in instances}
    rows = list(Organization.objects.order_by("pk"))
    told = {"saved": 0, "restored": 0, "conflicts": 0}
    batches: list[uuid.UUID] = []
    for _ in range(int(rounds)):
        instance = chance.choice(instances)
        for row in chance.sample(rows, 3):
            company = chance.choice([*companies[instance.pk], None])
            proposals.choose_company(user, instance, row, company, moves=True)
        outcome = mappings.save_mappings(Batch(actor_of(user)), user, instance)
        told["saved"] += outcome.saved
        told["conflicts"] += len(outcome.conflicts)
        if outcome.saved:
            batches.append(outcome.batch)
        if batches and chance.random() < 0.3:
            told["restored"] += undoing.undo_batch(actor_of(user), chance.choice(batches)).restored
        if chance.random() < 0.2:
            suggestions.propose_mappings(user, instance)
    return told


def save_in_a_crowd(first: str, number: str) -> dict[str, Any]:
    """So many people of their own: each chooses for three rows, then all press Save at once."""
    people = [User.objects.create(username=f"person-{int(first) + n}") for n in range(int(number))]
    instance = IntegrationInstance.objects.order_by("pk")[0]
    companies = list(instance.companies.order_by("pk"))
    rows = list(Organization.objects.order_by("pk"))
    for user in people:
        chance = random.Random(user.username)
        for row in chance.sample(rows, 3):
            proposals.choose_company(user, instance, row, chance.choice(companies))
    everyone = threading.Barrier(len(people))
    asked = MappingProposal.objects.filter(user__in=people).count()

    def save(user: User) -> mappings.SaveOutcome:
        everyone.wait()
        try:
            return mappings.save_mappings(Batch(actor_of(user)), user, instance)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        outcomes = list(pool.map(save, people))
    conflicts = [conflict for outcome in outcomes for conflict in outcome.conflicts]
    return {
        "asked": asked,
        "saved": sum(outcome.saved for outcome in outcomes),
        "refused": len(conflicts),
        "told": sum(bool(conflict.present and conflict.wanted) for conflict in conflicts),
    }


def suggest(name: str, rounds: str) -> dict[str, Any]:
    """Press Suggest Values again and again for the same configuration."""
    user = User.objects.get(username=name)
    instance = IntegrationInstance.objects.order_by("pk")[0]
    for _ in range(int(rounds)):
        suggestions.propose_mappings(user, instance)
    return {}


def delete_and_restore(name: str, rounds: str) -> dict[str, Any]:
    """Delete and restore the second configuration again and again."""
    user = User.objects.get(username=name)
    instance = IntegrationInstance.objects.order_by("pk")[1]
    for _ in range(int(rounds)):
        deletion.delete_instance(Batch(actor_of(user)), instance)
        deletion.restore_instance(Batch(actor_of(user)), instance)
    return {}


# --- jobs ---------------------------------------------------------------------------------------------


def claim() -> dict[str, Any]:
    """Try to claim the waiting job."""
    return {"claimed": jobs.claim(Job.objects.get().key) is not None}


def press_refresh() -> dict[str, Any]:
    """Press Refresh Options."""
    instance = IntegrationInstance.objects.order_by("pk")[0]
    return {"job": tasks.enqueue_refresh(instance, None).pk}


def work() -> dict[str, Any]:
    """Be a worker until the queue is empty."""
    call_command("db_worker", "--batch", "--no-startup-delay", "--interval", "0.05", verbosity=0)
    return {}


def connect_and_work() -> dict[str, Any]:
    """Connect a configuration with the simulator of the environment, queue its refresh, and be its worker."""
    user = User.objects.get(username="anna")
    Job.objects.all().delete()
    tasks.enqueue_refresh(connect(user), user, full=True)
    return work()


def wake_and_work() -> dict[str, Any]:
    """Look for a job that nobody is at, as ``serve`` does every second, until there is one; then do it."""
    while not tasks.requeue_neglected():
        time.sleep(0.1)
    return work()


def claim_and_cancel() -> dict[str, Any]:
    """Try to claim the job that another worker is at, then ask it to stop."""
    job = Job.objects.get()
    claimed = jobs.claim(job.key) is not None
    job.request_cancel()
    return {"claimed": claimed}


def make_token() -> dict[str, Any]:
    """A token for another program."""
    spec = TokenSpec("Report", [Right.RESOLVE])
    return {"token": create_token(Batch(Actor("An operator", "a test")), spec)[1]}


def ask_in_a_crowd(token: str, threads: str, times: str) -> dict[str, Any]:
    """Ask with the token, in many threads at the same moment; tells how often it was let in."""

    def ask(_: int) -> bool:
        try:
            authenticate(token, "192.0.2.1")
        except TooManyRequests:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(int(threads)) as pool:
        return {"let_in": sum(pool.map(ask, range(int(threads) * int(times))))}


STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    step.__name__: step
    for step in (
        prepare_rows, map_for_a_while, save_in_a_crowd, suggest, delete_and_restore, claim, press_refresh,
        work, connect_and_work, wake_and_work, claim_and_cancel, make_token, ask_in_a_crowd,
        people_steps.prepare_people, people_steps.use_link, people_steps.use_recovery_code,
        people_steps.take_the_admin, people_steps.has_password,
    )
}  # fmt: skip


def do(step: list[str], moment: float) -> dict[str, Any]:
    """One step, connected to the database before the moment comes at which it begins."""
    connection.ensure_connection()
    time.sleep(max(0.0, moment - time.time()))
    return STEPS[step[0]](*step[1:])


def main(arguments: list[str]) -> None:
    """Do the steps and tell what they told."""
    steps = [part.split() for part in " ".join(arguments).split("+")]
    if len(steps) == 1:
        told = [do(steps[0], 0)]
    else:
        with get_context("fork").Pool(len(steps)) as pool:
            told = pool.starmap(do, [(step, time.time() + 0.3) for step in steps], chunksize=1)
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
