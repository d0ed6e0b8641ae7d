"""Kill -9 of workers that tell people: no alert is lost, and none is sent twice but under the same id.

Run from the root of the project (with PostgreSQL, on an empty database)::

    nice .venv/bin/python -m tests.benchmarks.alert_kills [--database sqlite|postgres://...] [--runs 50]

In each run credentials begin or cease to be refused, a worker looks and sends, and is killed at a random
moment; its claim then lapses, and another worker finishes. A mail server and a room of a chat write down what
they have accepted before they answer. Then every alert has to be there once, and every message to have been
accepted: more than once only where a killed worker had begun it, at most one for each kill.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PEOPLE, INSTANCES = 4, 3
MESSAGES = (PEOPLE + 1) * INSTANCES  # about so many are owed in a run
LONGEST_LATER = 0.02  # seconds after a message was accepted
SENDER = "portal@msp.example"


# --- who accepts --------------------------------------------------------------------------------------


def accept(log: Path, mail_port: int, room_port: int) -> None:
    """Take mails and posts for ever, and write each down before it is answered."""
    from aiosmtpd.controller import Controller

    def note(line: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    class Mails:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            mail = message_from_bytes(envelope.content, policy=policy.default)
            note(str(mail["Message-ID"]).strip("<>").partition("@")[0])
            return "250 Taken"

    class Room(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            note("room " + body.decode())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    room = ThreadingHTTPServer(("127.0.0.1", room_port), Room)
    threading.Thread(target=room.serve_forever, daemon=True).start()
    Controller(Mails(), hostname="127.0.0.1", port=mail_port).start()
    threading.Event().wait()


def forked(work: Callable[[], object]) -> int:
    """Let a process of its own do the work; its id. The database's connections are not shared."""
    from django.db import connections

    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


# --- what is told -------------------------------------------------------------------------------------


def prepare(room_port: int) -> None:
    """The empty database gets owners, configurations and a room."""
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command

    from integrations.models import AlertChannel, AlertKind, IntegrationInstance
    from integrations.services.alerts import ChannelSpec, create_channel
    from integrations.services.audit import Actor, Batch

    call_command("migrate", verbosity=0)
    if User.objects.exists():
        raise SystemExit("The database is not empty. Name one that is.")
    owners, _ = Group.objects.get_or_create(name="Owners")
    for number in range(PEOPLE):
        person = User.objects.create_user(f"owner{number}", f"owner{number}@msp.example", None)
        person.groups.add(owners)
    for number in range(INSTANCES):
        IntegrationInstance.objects.create(psa="autotask", name=f"Tenant {number}", username="x")
    url = f"http://127.0.0.1:{room_port}/room"
    spec = ChannelSpec("Room", AlertChannel.Service.SLACK, url, list(AlertKind))
    create_channel(Batch(Actor("bench", "alert kills")), spec)


def change(turn: int, rng: random.Random) -> None:
    """An hour later credentials begin, or cease, to be refused."""
    from django.db.models import F

    from integrations.models import Alert, IntegrationInstance

    hour = dt.timedelta(hours=1)  # a cause that is over rests for a while before it is told anew
    Alert.objects.exclude(closed_at=None).update(closed_at=F("closed_at") - hour)
    status = IntegrationInstance.Status
    for instance in IntegrationInstance.objects.all():
        refused = (
            instance.status != status.REFUSED if rng.random() < 0.8 else instance.status == status.REFUSED
        )
        values: dict[str, str] = {"status": status.REFUSED if refused else status.CONNECTED}
        if refused:
            values["name"] = (
                f"Tenant {instance.pk} turn {turn}"  # by which the room's messages are told apart
            )
        IntegrationInstance.objects.filter(pk=instance.pk).update(**values)


def look_and_send() -> None:
    """What a worker does."""
    from integrations.services.alerts import watch, work

    watch()
    while work():
        pass


def let_claims_lapse() -> int:
    """As if the time had passed that a claim lasts; how many messages somebody had begun."""
    from django.utils import timezone

    from integrations.models import AlertMessage

    return AlertMessage.objects.exclude(claim=None).update(next_attempt_at=timezone.now())


def found_wrong(log: Path, kills: int) -> Counter[str]:
    """What is not as it has to be, over all runs until now, by name."""
    from django.db.models import Count

    from integrations.models import Alert, AlertMessage, AlertNotice, AuditEvent, IntegrationInstance

    lines = log.read_text(encoding="utf-8").splitlines()
    mails = Counter(line for line in lines if not line.startswith("room "))
    rooms = Counter(line for line in lines if line.startswith("room "))
    told: Counter[str] = Counter()
    refused = IntegrationInstance.objects.filter(status=IntegrationInstance.Status.REFUSED)
    standing = {f"credentials:{pk}" for pk in refused.values_list("pk", flat=True)}
    still_open = Alert.objects.filter(closed_at=None).values_list("cause", flat=True)
    told["ALERTS THAT DO NOT STAND, OR ARE MISSING"] += Counter(still_open) != Counter(standing)
    alerts, over = Alert.objects.count(), Alert.objects.exclude(closed_at=None).count()
    receivers = PEOPLE + 1
    told["MESSAGES LOST OR TOO MANY"] += AlertNotice.objects.count() != (alerts + over) * receivers
    told["NOT DELIVERED"] += AlertMessage.objects.exclude(status="delivered").count()
    told["EVENTS LOST OR TOO MANY"] += AuditEvent.objects.filter(target_type="alert").count() != alerts + over
    same = AlertNotice.objects.values("alert", "is_over", "message__user", "message__channel")
    told["TOLD TWICE"] += same.annotate(times=Count("pk")).filter(times__gt=1).count()
    for message in AlertMessage.objects.filter(channel=None):
        times = mails.pop(str(message.key), 0)
        told["NEVER ACCEPTED"] += times == 0
        told["TWICE WITHOUT A DEATH"] += times > 1 and message.attempts < 2
        told["mails accepted twice"] += times > 1
    told["UNKNOWN IDS"] += len(mails)
    told["NEVER ACCEPTED"] += len(rooms) != alerts + over
    told["posts accepted twice"] += sum(times - 1 for times in rooms.values())
    told["MORE TWICE THAN KILLS"] += told["mails accepted twice"] + told["posts accepted twice"] > kills
    return told


def runs(number: int, log: Path, rng: random.Random) -> Counter[str]:
    """All kills, and what was found."""
    takes = 0.0
    for turn in (-1, 0):  # the second time nothing is new to the machine
        change(turn, rng)
        began = time.monotonic()
        os.waitpid(forked(look_and_send), 0)
        takes = time.monotonic() - began
    result: Counter[str] = Counter()
    for turn in range(1, number + 1):
        change(turn, rng)
        accepted = rng.randint(0, MESSAGES)
        lines = log.read_bytes().count(b"\n") + accepted
        worker, ends = forked(look_and_send), time.monotonic() + takes
        while time.monotonic() < ends and log.read_bytes().count(b"\n") < lines:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, LONGEST_LATER if accepted else takes))
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        result["killed while sending"] += let_claims_lapse()
        _, status = os.waitpid(forked(look_and_send), 0)
        result["WORKERS THAT FAILED"] += status != 0
        print(".", end="", flush=True)  # noqa: T201
    print(f" a pass takes {takes:.2f} s")  # noqa: T201
    result.update(found_wrong(log, number))
    return result


def main() -> int:
    """All runs; the exit status says whether nothing was found wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    from tests.support.portal import free_port

    mail_port, room_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "accepted")
        log.touch()
        url = options.database
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3" if url == "sqlite" else url,
            "PORTAL_DATA_DIR": folder,
            "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            "EMAIL_FROM": SENDER,
            "WEBHOOK_ALLOWED_HOSTS": f"127.0.0.1:{room_port}",
            "DJANGO_SETTINGS_MODULE": "tests.support.settings",
            "LOG_LEVEL": "ERROR",
        }
        import django

        django.setup()
        acceptor = forked(lambda: accept(log, mail_port, room_port))
        try:
            prepare(room_port)
            told = runs(options.runs, log, random.Random(options.seed))
        finally:
            os.kill(acceptor, signal.SIGKILL)
            os.waitpid(acceptor, 0)
    for name, count in sorted(told.items()):
        print(f"{name}: {count}")  # noqa: T201
    return int(any(count for name, count in told.items() if name.isupper()))


if __name__ == "__main__":
    sys.exit(main())
