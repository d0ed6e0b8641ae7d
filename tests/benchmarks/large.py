"""A portal with the data of a large MSP, for the benchmarks: its settings, its rows, and a person who works.

``settings(...)`` must run before anything of Django is imported.
"""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from integrations.models import IntegrationInstance

say = functools.partial(print, flush=True)
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PASSWORD = "correct-horse-battery-staple"
MAPPED, SUGGESTED = 0.6, 0.3  # shares of the organizations


def environment(database: str, folder: Path | None = None, **more: str) -> dict[str, str]:
    """The environment of a portal on a database: "sqlite" (a file in the folder) or a postgres:// URL."""
    folder = folder or Path(tempfile.mkdtemp(prefix="portal-benchmark-"))
    url = f"sqlite:///{folder / 'portal.sqlite3'}" if database == "sqlite" else database
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PORTAL_ENVIRONMENT": "test",
        "PORTAL_DATA_DIR": str(folder),
        "DATABASE_URL": url,
        "SECRET_KEY": "benchmarks-" + "k3y" * 20,
        "PORTAL_ENCRYPTION_KEYS": KEY,
        "LOG_LEVEL": "ERROR",
        "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
        **more,
    }


def settings(database: str, folder: Path | None = None, **more: str) -> None:
    """Make this process a portal on an empty database; a PostgreSQL database is emptied first."""
    os.environ.update(environment(database, folder, **more))
    import django
    from django.core.management import call_command

    django.setup()
    if database != "sqlite":
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    call_command("prepare", verbosity=0)


def load(organizations: int, companies: int, instances: int) -> tuple[User, IntegrationInstance]:
    """The sample data, with most organizations mapped and a person who has suggestions before them."""
    from django.core.management import call_command
    from django.db import connection

    from integrations.models import IntegrationInstance

    with Path(os.devnull).open("w") as nowhere:
        call_command(
            "load_demo", organizations=organizations, companies=companies, instances=instances, stdout=nowhere
        )
    user = person()
    instance = IntegrationInstance.objects.get(name="Sample 1")
    map_and_suggest(user, instance, MAPPED, SUGGESTED)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return user, instance


def person(name: str = "bench") -> User:
    """Somebody who may map."""
    from django.contrib.auth.models import Group, User

    user, created = User.objects.get_or_create(username=name)
    if created:
        user.set_password(PASSWORD)
        user.save()
        user.groups.add(Group.objects.get(name="Members"))
    return user


def map_and_suggest(user: User, instance: IntegrationInstance, mapped: float, suggested: float) -> None:
    """Map the first share of the organizations, suggest (ticked) for the next; the rest stays open."""
    from django.utils import timezone

    from integrations.models import MappingProposal, Organization, OrganizationMapping

    organizations = list(Organization.objects.order_by("pk"))
    companies = list(instance.companies.offered().order_by("pk")[: len(organizations)])
    pairs = list(zip(organizations, companies, strict=False))
    first, second = int(len(pairs) * mapped), int(len(pairs) * (mapped + suggested))
    OrganizationMapping.objects.bulk_create(
        [
            OrganizationMapping(
                organization=organization,
                psa=instance.psa,
                instance=instance,
                company=company,
                confirmed_by=user,
                confirmed_at=timezone.now(),
                confirmed_name=company.name,
                confidence=0.97,
                reasons=["same domain", "same city"],
            )
            for organization, company in pairs[:first]
        ],
        batch_size=500,
    )
    MappingProposal.objects.bulk_create(
        [
            MappingProposal(
                user=user,
                instance=instance,
                organization=organization,
                company=company,
                kind=MappingProposal.Kind.SUGGESTED,
                selected=True,
                tier="sure",
                confidence=0.96,
                reasons=["same domain", "same city", "names agree but for a legal form"],
                rivals=[{"company": company.pk, "confidence": 0.5, "reasons": ["similar name"]}],
            )
            for organization, company in pairs[first:second]
        ],
        batch_size=500,
    )
