"""A simulated Autotask and background workers in processes of their own, for benchmarks that kill them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant

if TYPE_CHECKING:
    from integrations.models import IntegrationInstance

ROOT = Path(__file__).resolve().parents[2]
SECRET, IDENTIFIER = "secret-of-a-benchmark", "IDENTIFIER"


def _rows(count: int) -> list[dict[str, object]]:
    return [{"id": 0, "companyName": "Our Own MSP", "companyType": 8}] + [
        {"id": 100 + n, "companyName": f"Harbour {n} Dental Group", "companyType": 1, "city": "Lima"}
        for n in range(count - 1)
    ]


def _serve(pipe: Connection, sizes: list[int], latency: float) -> None:
    made = [Tenant(f"t{n}@example.com", SECRET, IDENTIFIER, _rows(size)) for n, size in enumerate(sizes)]
    with Simulator(made, latency=latency) as simulator:
        pipe.send(simulator.base_url)
        pipe.recv()


@contextlib.contextmanager
def simulated_autotask(sizes: list[int], latency: float) -> Iterator[str]:
    """A running Autotask with a tenant of so many companies for each size; gives its address."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, sizes, latency), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("stop")
        process.join(10)


def make_instances(count: int, tenants: int, base_url: str) -> list[IntegrationInstance]:
    """Configurations that are connected to the tenants in turn; nothing is done for them by schedule."""
    from integrations.models import IntegrationInstance

    made = []
    for number in range(count):
        instance = IntegrationInstance(
            psa="autotask",
            name=f"Configuration {number}",
            username=f"t{number % tenants}@example.com",
            api_url=f"{base_url}/ATServicesRest/",
            status=IntegrationInstance.Status.CONNECTED,
            refresh_every_hours=0,
            check_daily=False,
        )
        instance.credentials = {"secret": SECRET, "tracking_identifier": IDENTIFIER}
        instance.save()
        made.append(instance)
    return made


@contextlib.contextmanager
def workers(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many ``manage.py worker``, in this process's environment; stopped at the end."""
    command = [sys.executable, str(ROOT / "manage.py"), "worker", "--interval", "0.1", "--verbosity", "0"]
    started = [subprocess.Popen(command, env=dict(os.environ), start_new_session=True) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(60)


def wait_for(condition: object, patience: float) -> None:
    """Until the condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise TimeoutError


def open_jobs() -> int:
    """How many jobs wait or run."""
    from integrations.models import Job

    return Job.objects.open().count()
