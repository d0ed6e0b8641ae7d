"""``manage.py prepare``: what has to be done once before the portal starts, and after each upgrade."""

from __future__ import annotations

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Migrations, the cache table and, in production, the static files. Safe to repeat."""

    help = "Bring the database and the static files up to date. Example: manage.py prepare"

    def handle(self, *, verbosity: int = 1, **options: object) -> None:
        """Do it all; each step changes nothing when it is done already."""
        call_command("migrate", interactive=False, verbosity=verbosity)
        call_command("createcachetable", verbosity=verbosity)
        if settings.IN_PRODUCTION:
            call_command("collectstatic", interactive=False, verbosity=verbosity)
