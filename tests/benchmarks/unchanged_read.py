"""What a full read of 20,000 companies writes when nothing has changed: rows, and bytes of PostgreSQL's log.

Run from the root of the project (the database is emptied!)::

    .venv/bin/python -m tests.benchmarks.unchanged_read --database postgres://… [--companies 20000]

The first read stores every company, the later ones find them as they were. *Rows* are those of the table of
companies that were inserted and updated (pg_stat), *WAL* are the bytes by which PostgreSQL's log grew; the
share is that of the first read's bytes. What the job and the dates of the configuration take is in it.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.benchmarks import large
from tests.benchmarks.refresh_read import CREDENTIALS, PATTERNS, simulator

TABLE = "integrations_company"


def written() -> tuple[int, int]:
    """Rows of the companies' table written so far, and the position of PostgreSQL's log in bytes."""
    from django.db import connection

    with connection.cursor() as cursor:
        time.sleep(1.5)  # a session tells its figures once a second at most
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute("SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = %s", [TABLE])
        rows = cursor.fetchone()
        cursor.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
        return int(rows[0]) if rows else 0, int(cursor.fetchone()[0])


def read(instance: object) -> str:
    """One full refresh by its job, in this process; what it says. Raises RuntimeError when it fails."""
    from integrations import tasks

    job = tasks.enqueue_refresh(instance, None, full=True)  # type: ignore[arg-type]
    tasks.do_job(job.key)
    job.refresh_from_db()
    if job.state != "done":
        raise RuntimeError(job.error)
    return str(job.message)


def main() -> int:
    """Measure the first read and two later ones; the exit status says whether these wrote no company."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--companies", type=int, default=20_000)
    options = parser.parse_args()
    with simulator(next(iter(PATTERNS)), options.companies, 0.0) as service:
        host = service.base_url.partition("//")[2]
        large.settings(options.database, AUTOTASK_EXTRA_HOSTS=host, AUTOTASK_DISCOVERY_URL=service.base_url)
        from integrations.models import IntegrationInstance

        instance = IntegrationInstance(
            psa="autotask", name="Unchanged", username=CREDENTIALS.username, status="connected"
        )
        instance.credentials = {
            "secret": CREDENTIALS.secret,
            "tracking_identifier": CREDENTIALS.tracking_identifier,
        }
        instance.save()
        first, changed = 0, 0
        for name in ("first", "unchanged", "unchanged again"):
            rows, position = written()
            said = read(instance)
            rows_now, position_now = written()
            size, stored = position_now - position, rows_now - rows
            first = first or size
            changed += 0 if name == "first" else stored
            large.say(f"{name:15} {stored:6,} rows, {size:11,} bytes of WAL ({size / first:6.1%}); {said}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
