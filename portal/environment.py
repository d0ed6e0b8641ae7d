"""Reading the environment strictly: a wrong value stops the start with a sentence that names it."""

from __future__ import annotations

import enum
import os
import re
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured


class Environment(enum.StrEnum):
    """Where the portal runs. Only production is allowed to face users; the others relax what they name."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    DEMO = "demo"
    TEST = "test"


ENGINES = {"django.db.backends.sqlite3", "django.db.backends.postgresql"}
REDIS_SCHEMES = {"redis", "rediss", "unix"}
# How the signs are written that mean something in an address.
ENCODED = (
    "special signs of the password percent-encoded: @ is %40, / is %2F, ? is %3F, # is %23, : is %3A "
    "and % is %25"
)
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def given(name: str) -> str:
    """The variable without what surrounds it: blanks, and the CR of a file that was written on Windows."""
    return os.environ.get(name, "").strip()


def text(name: str, default: str | None = None) -> str:
    """The variable, or the content of the file that ``NAME_FILE`` names, or the default.

    Raises ImproperlyConfigured when nothing is set and there is no default, or when both are set.
    """
    value, path = given(name), given(f"{name}_FILE")
    if value and path:
        raise ImproperlyConfigured(f"Set either {name} or {name}_FILE, not both.")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read: {error}") from error
        except UnicodeDecodeError:  # whose words hold a byte of the secret
            raise ImproperlyConfigured(f"{name}_FILE names a file that is no text in UTF-8.") from None
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set. README.md lists every setting.")
    return default


def flag(name: str, *, default: bool) -> bool:
    """A yes/no variable. Raises ImproperlyConfigured for any other word."""
    value = given(name).lower()
    if not value:
        return default
    if value in TRUE | FALSE:
        return value in TRUE
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number within bounds. Raises ImproperlyConfigured otherwise."""
    value = given(name)
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
    return [item.strip() for item in given(name).split(",") if item.strip()]


def database(url: str) -> dict[str, Any]:
    """Django's settings of the database that an address names.

    Raises ImproperlyConfigured, without the address, which may hold a password.
    """
    scheme, _, rest = url.partition("://")
    if not scheme.startswith("sqlite") and (said := raw_sign_in_password(rest)):
        raise ImproperlyConfigured(f"DATABASE_URL {said}.")
    try:
        with warnings.catch_warnings(action="ignore"):  # of databases that it does not know
            found: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError:  # whose words may hold a part of the password
        found = {}
    if found.get("ENGINE") not in ENGINES or not found.get("NAME"):
        raise ImproperlyConfigured(
            "DATABASE_URL must be like postgres://user:password@host:5432/name or "
            f"sqlite:////folder/portal.sqlite3; {ENCODED}."
        )
    return found


def redis(address: str) -> str:
    """The address of a Redis, as it is.

    Raises ImproperlyConfigured, without the address, which may hold a password, where it names none.
    """
    scheme, _, rest = address.partition("://")
    if said := raw_sign_in_password(rest):
        raise ImproperlyConfigured(f"REDIS_URL {said}.")
    try:
        is_right = scheme in REDIS_SCHEMES and _names_redis(urlsplit(address))
    except ValueError:  # whose words may hold a part of the password
        is_right = False
    if not is_right:
        raise ImproperlyConfigured(
            "REDIS_URL must be like redis://user:password@host:6379/0, rediss://… or unix:///folder/socket; "
            f"{ENCODED}."
        )
    return address


def _names_redis(parts: SplitResult) -> bool:
    """Whether it is a socket, or a host (this machine where there is none) and the number of a database.

    Raises ValueError for a port that is no number.
    """
    if parts.fragment or parts.port == 0:
        return False
    if parts.scheme == "unix":
        return parts.path.strip("/") != ""
    host_is_right = re.fullmatch(r"[A-Za-z0-9._:%-]*", parts.hostname or "") is not None
    return host_is_right and re.fullmatch(r"/?[0-9]*/?", parts.path) is not None


def raw_sign_in_password(rest: str) -> str:
    """What is wrong with the signs before the @ of an address, and how they are written; "" for nothing.

    ``rest`` is the address behind its ://. A raw sign of the password would be read as the end of it: the
    rest of the password would then be taken for a host, be looked for, and stand in the log.
    """
    user, at, _ = rest.rpartition("@")
    if at and any(sign in user for sign in "@/?#"):
        return f"has more than one @, or a / or ? or # before its @. Write {ENCODED}"
    return ""


def time_zone() -> str:
    """TIME_ZONE, UTC when it is not set. Raises ImproperlyConfigured for a zone that is not known here."""
    name = text("TIME_ZONE", "UTC")
    if name not in available_timezones():
        raise ImproperlyConfigured(f"TIME_ZONE must name a zone, like Europe/Berlin, not {name!r}.")
    return name


def environment() -> Environment:
    """PORTAL_ENVIRONMENT; production when it is not set, so that forgetting it is safe."""
    value = given("PORTAL_ENVIRONMENT") or Environment.PRODUCTION
    try:
        return Environment(value)
    except ValueError as error:
        known = ", ".join(Environment)
        raise ImproperlyConfigured(f"PORTAL_ENVIRONMENT must be one of {known}, not {value!r}.") from error
