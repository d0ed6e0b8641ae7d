"""``manage.py load_demo``: sample organizations, and sample tenants for the simulated Autotask."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.demo import data as demo_data
from integrations.demo.copies import make_copies
from integrations.models import Organization
from portal.demo_access import demo_access

TENANT_USERS = {"main": "api-main@quillmere.example", "acquired": "api-pellam@pellamvalley.example"}
DATABASES = {"main": 513558, "acquired": 620417}  # what tells the one tenant from the other
FILE_MODE = 0o600


class Command(BaseCommand):
    """Write the tenants' files, add the organizations and a superuser, each only where it is missing."""

    help = (
        "Load sample organizations and write sample tenants for autotask_simulator. "
        "Example: manage.py load_demo --organizations 5000 --companies 20000 --instances 10"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organizations", type=int, default=demo_data.ORGANIZATIONS, metavar="N")
        parser.add_argument("--companies", type=int, default=demo_data.COMPANIES, metavar="N")
        parser.add_argument(
            "--instances",
            type=int,
            default=0,
            metavar="N",
            help="also N unconnected configurations with that many companies each, to measure pages with",
        )

    def handle(self, *, organizations: int, companies: int, instances: int, **options: Any) -> None:
        """Load what is not there yet; a second run keeps everything."""
        if settings.IN_PRODUCTION:
            raise CommandError("Sample data does not belong into production.")
        folder = settings.DATA_DIR / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        tenants = folder / "tenants.json"
        if not tenants.exists():
            _write_tenants(tenants, organizations, companies)
        if not Organization.objects.exists():
            rows = demo_data.demo_organizations(organizations, companies)
            for row in rows:
                row["is_active"] = row.pop("active")
            Organization.objects.bulk_create([Organization(**row) for row in rows], batch_size=500)
        copies = make_copies(instances, organizations, companies)
        if copies:
            self.stdout.write(
                f"{copies:,} sample configurations with {companies:,} companies each were added."
            )
        _sign_in(folder / "sign-in.json")
        self.stdout.write(f"{Organization.objects.count():,} organizations are loaded.")
        access = demo_access()
        if access is None:
            raise CommandError(f"The files in {folder} were removed while they were written.")
        for tenant in access.tenants:
            self.stdout.write(
                f"An Autotask to connect, “{tenant.name}”:\n"
                f"  API Username             {tenant.username}\n"
                f"  API User Password        {tenant.secret}\n"
                f"  API Tracking Identifier  {tenant.tracking_identifier}"
            )
        self.stdout.write(f"Sign in with user name {access.username} and password {access.password}")


def _write_tenants(path: Path, organizations: int, companies: int) -> None:
    """The tenants file that autotask_simulator serves, with a companies file beside it for each tenant."""
    entries = []
    for key, username in TENANT_USERS.items():
        rows = demo_data.demo_companies(key, organizations, companies)
        _private(path.with_name(f"{key}.json"), json.dumps(rows, ensure_ascii=False))
        entries.append(
            {
                "username": username,
                "secret": secrets.token_urlsafe(15),
                "tracking_identifier": secrets.token_hex(14).upper(),
                "zone": 14,
                "database_id": DATABASES[key],
                "companies": f"{key}.json",
            }
        )
    _private(path, json.dumps(entries, indent=1))


def _sign_in(path: Path) -> None:
    """Make the superuser "demo" at the first run, and keep the password."""
    if path.exists() and User.objects.filter(username="demo").exists():
        return
    password = secrets.token_urlsafe(12)
    user, _ = User.objects.get_or_create(username="demo", defaults={"is_staff": True, "is_superuser": True})
    user.set_password(password)
    user.save()
    _private(path, json.dumps({"username": "demo", "password": password}))


def _private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=FILE_MODE)
    path.write_text(text, encoding="utf-8")
