"""Reading the environment strictly: a wrong value stops the start with a sentence that names it."""

from __future__ import annotations

import enum
import os
import warnings
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class Environment(enum.StrEnum):
    """Where the portal runs. Only production is allowed to face users; the others relax what they name."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    DEMO = "demo"
    TEST = "test"


ENGINES = {"django.db.backends.sqlite3", "django.db.backends.postgresql"}
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str | None = None) -> str:
    """The variable, or the content of the file that ``NAME_FILE`` names, or the default.

    Raises ImproperlyConfigured when nothing is set and there is no default, or when both are set.
    """
    value, path = os.environ.get(name, ""), os.environ.get(f"{name}_FILE", "")
    if value and path:
        raise ImproperlyConfigured(f"Set either {name} or {name}_FILE, not both.")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read: {error}") from error
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set. README.md lists every setting.")
    return default


def flag(name: str, *, default: bool) -> bool:
    """A yes/no variable. Raises ImproperlyConfigured for any other word."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in TRUE | FALSE:
        return value in TRUE
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number within bounds. Raises ImproperlyConfigured otherwise."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        result = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from error
    if not minimum <= result <= maximum:
        raise ImproperlyConfigured(f"{name} must lie between {minimum} and {maximum}, not {result}.")
    return result


def words(name: str) -> list[str]:
    """A comma separated list, without empty items."""
    return [item.strip() for item in os.environ.get(name, "").split(",") if item.strip()]


def database(url: str) -> dict[str, Any]:
    """Django's settings of the database that an address names.

    Raises ImproperlyConfigured, without the address, which may hold a password.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of databases that it does not know
            found: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError:  # whose words may hold a part of the password
        found = {}
    if found.get("ENGINE") not in ENGINES or not found.get("NAME"):
        raise ImproperlyConfigured(
            "DATABASE_URL must be like postgres://user:password@host:5432/name or "
            "sqlite:////folder/portal.sqlite3; special signs of the password percent-encoded (/ is %2F)."
        )
    return found


def environment() -> Environment:
    """PORTAL_ENVIRONMENT; production when it is not set, so that forgetting it is safe."""
    value = os.environ.get("PORTAL_ENVIRONMENT", Environment.PRODUCTION)
    try:
        return Environment(value)
    except ValueError as error:
        known = ", ".join(Environment)
        raise ImproperlyConfigured(f"PORTAL_ENVIRONMENT must be one of {known}, not {value!r}.") from error
