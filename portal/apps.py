"""The project as an app: what has to be connected once everything is loaded."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Connects the sign-in library's signals to the sign-in log."""

    name = "portal"

    def ready(self) -> None:
        """After all apps are there."""
        from portal import devices, ended_sessions, sign_in_log

        sign_in_log.start()
        devices.start()
        ended_sessions.start()
