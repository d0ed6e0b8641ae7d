"""Settings of the commands that work on files alone: no database, no keys, nothing read from the environment.

``manage.py`` chooses them (see there). A command that runs under them and asks for a row or a secret after
all fails at once, because there is neither a database nor a key ring.
"""

from __future__ import annotations

import secrets

SECRET_KEY = secrets.token_urlsafe(50)  # Django wants one; this one signs nothing and ends with the process
PORTAL_ENCRYPTION_KEYS: list[str] = []
INSTALLED_APPS = [
    "django_tasks",  # makes Django's classes subscriptable, which the models rely on
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "integrations",
]
DATABASES: dict[str, object] = {}  # Django's dummy: every access raises ImproperlyConfigured
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_I18N = False
USE_TZ = True
