"""Settings of the portal, read from the environment (README.md, "Settings")."""

from __future__ import annotations

import datetime as dt
import logging
import ssl
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from integrations.outbound.proxy import read_proxy
from portal.environment import (
    Environment,
    database,
    environment,
    flag,
    given,
    number,
    raw_sign_in_password,
    redis,
    text,
    time_zone,
    words,
)
from portal.logs import logging_settings
from portal.mail import is_origin, read_mail
from portal.private_files import keep_private, make_files_private, make_folder, refuse_files_of_others
from portal.production import unsafe_settings
from portal.proxies import THIS_MACHINE, parse_proxy
from portal.security_txt import is_contact

BASE_DIR = Path(__file__).resolve().parent.parent
PORTAL_ENVIRONMENT = environment()
IN_PRODUCTION = PORTAL_ENVIRONMENT is Environment.PRODUCTION

DEBUG = flag("DEBUG", default=False)
SECRET_KEY = text("SECRET_KEY")
ALLOWED_HOSTS = words("ALLOWED_HOSTS") or ([] if IN_PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
DATA_DIR = Path(text("PORTAL_DATA_DIR", str(BASE_DIR / "var")))

# The key ring that seals credentials: Fernet keys, comma separated, the first one encrypts. Never
# derived from SECRET_KEY, so that one leak is not two.
PORTAL_ENCRYPTION_KEYS = [
    key.strip() for key in text("PORTAL_ENCRYPTION_KEYS").replace("\n", ",").split(",") if key.strip()
]
if not PORTAL_ENCRYPTION_KEYS:
    raise ImproperlyConfigured("PORTAL_ENCRYPTION_KEYS names no key.")

# Hosts beside *.autotask.net that the client may talk to ("127.0.0.1:8010"): a local simulator.
AUTOTASK_EXTRA_HOSTS = words("AUTOTASK_EXTRA_HOSTS")
AUTOTASK_DISCOVERY_URL = text("AUTOTASK_DISCOVERY_URL", "https://webservices.autotask.net")

# The way out of the office: a proxy for https, and the CA of a firewall that opens TLS. The names are those
# that other programs read too; a wrong value is told at the start and not by the first refresh.
proxy = text("HTTPS_PROXY", given("https_proxy"))
if said := raw_sign_in_password(proxy.rpartition("://")[2]):
    raise ImproperlyConfigured(f"HTTPS_PROXY {said}.")
try:
    OUTBOUND_PROXY = read_proxy(proxy, text("NO_PROXY", given("no_proxy")))
except ValueError as error:
    raise ImproperlyConfigured(f"HTTPS_PROXY cannot be used: {error}.") from None
AUTOTASK_CA_BUNDLE = text("AUTOTASK_CA_BUNDLE", given("REQUESTS_CA_BUNDLE"))
if AUTOTASK_CA_BUNDLE:
    try:
        ssl.create_default_context(cafile=AUTOTASK_CA_BUNDLE)
    except (OSError, ssl.SSLError) as error:
        raise ImproperlyConfigured(
            f"AUTOTASK_CA_BUNDLE (or REQUESTS_CA_BUNDLE) names no file of certificates: {AUTOTASK_CA_BUNDLE}"
        ) from error

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "django_tasks",
    "portal",
    "integrations",
]

BEHIND_TLS_PROXY = flag("BEHIND_TLS_PROXY", default=False)
# Whose word about a caller's address and scheme is taken (portal/proxies.py).
TRUSTED_PROXIES = words("TRUSTED_PROXIES") or THIS_MACHINE
try:
    for name in TRUSTED_PROXIES:
        parse_proxy(name)
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from None

MIDDLEWARE = [
    "portal.proxies.ProxyMiddleware",
    "portal.middleware.RequestIdMiddleware",
    "portal.probes.ProbesMiddleware",
    "portal.middleware.TokensOverTlsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.middleware.SecurityHeadersMiddleware",
    "portal.static_files.StaticFilesMiddleware",
    "portal.sessions.KnownBrowserMiddleware",
    "portal.time_zone.TimeZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.devices.KnownDeviceMiddleware",
    "portal.uploads.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "portal.ended_sessions.EndedSessionMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.sign_in_log.PresenceMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.second_factor.DemandedFactorMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
FORM_RENDERER = "integrations.forms.rendering.Renderer"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                *(["portal.demo_access.context"] if PORTAL_ENVIRONMENT is Environment.DEMO else []),
            ],
        },
    },
]

# --- database -----------------------------------------------------------------------------------------

make_files_private()
make_folder(DATA_DIR)
refuse_files_of_others(DATA_DIR)
DATABASE_URL = text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'portal.sqlite3'}")
DATABASES: dict[str, dict[str, Any]] = {"default": database(DATABASE_URL)}
# Kept from request to request: to open one takes SQLite 2.5 ms, and what it has read is forgotten at the end.
DATABASES["default"]["CONN_MAX_AGE"] = 60
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    keep_private(Path(DATABASES["default"]["NAME"]))
    # IMMEDIATE takes the write lock when a transaction begins, so two writers queue instead of failing
    # half-way with "database is locked"; WAL lets readers go on meanwhile. SQLite
    # keeps up to 8 MB of what it read: a look at a table of thousands of rows needs more than its usual 2.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
        "PRAGMA cache_size=-8000;",
    }
else:
    DATABASES["default"]["ENGINE"] = "integrations.database.postgres"  # Django's, and each wait ends
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # For the statements that database/query_cache.py keeps; others hold their values and never come again. A
    # pooler that gives each transaction another connection needs ?prepare_threshold=0: never.
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options["prepare_threshold"] = options.get("prepare_threshold", 2) or None
    # Who waits for a server that is gone without a word notices within half a minute; the waits within it are
    # limited by the kind of process (integrations/database/limits.py).
    for name, seconds in {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5}.items():
        options.setdefault(name, seconds)
    options.setdefault("keepalives_count", 3)
    options.setdefault("tcp_user_timeout", 30_000)  # milliseconds
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Sign-in limits count in the cache; the database keeps the counts common to all web processes.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- background work --------------------------------------------------------------------------------

# What wakes workers: the database, or Redis (requirements-scale.txt). The Job rows are the truth with either.
TASKS_BACKEND = text("TASKS_BACKEND", "database")
if TASKS_BACKEND == "database":
    INSTALLED_APPS.append("django_tasks_db")
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
elif TASKS_BACKEND == "rq":
    INSTALLED_APPS += ["django_rq", "django_tasks_rq"]
    TASKS = {"default": {"BACKEND": "django_tasks_rq.RQBackend", "QUEUES": ["default"]}}
    # A job has its own lease; the queue must not end it earlier.
    RQ_QUEUES = {"default": {"URL": redis(text("REDIS_URL")), "DEFAULT_TIMEOUT": 24 * 3600}}
else:
    raise ImproperlyConfigured(f"TASKS_BACKEND must be database or rq, not {TASKS_BACKEND!r}.")
JOB_LEASE_SECONDS = number("JOB_LEASE_SECONDS", 60, minimum=5, maximum=3600)
# How long a job may take, by its kind, before its worker ends it; and how much memory it may write to, 0:
# any.
JOB_SECONDS = {
    kind: number(f"JOB_SECONDS_{kind.upper()}", seconds, minimum=5, maximum=7 * 24 * 3600)
    for kind, seconds in {
        "refresh_options": 4 * 3600, "suggest_mappings": 3600, "check_connection": 600,
        "import_organizations": 3600, "import_file": 3 * 3600, "refresh_source": 3 * 3600,
    }.items()
}  # fmt: skip
JOB_MEMORY_MB = number("JOB_MEMORY_MB", 2048, minimum=0, maximum=1_000_000)
if 0 < JOB_MEMORY_MB < 256:
    raise ImproperlyConfigured("JOB_MEMORY_MB must be 0 (no cap) or at least 256: a job needs 150 to begin.")

# How long the reports of imports are kept; 0: for ever. The history of what they changed stays anyway.
IMPORT_REPORT_DAYS = number("IMPORT_REPORT_DAYS", 365, minimum=0, maximum=36_500)

# How long what refreshes changed is kept; 0: for ever. What a mapping has to be looked at for stays anyway.
REFRESH_SUMMARY_DAYS = number("REFRESH_SUMMARY_DAYS", 400, minimum=0, maximum=36_500)

# How long the sign-in log keeps an event; the database lets go of none before half a year.
SIGN_IN_LOG_DAYS = number("SIGN_IN_LOG_DAYS", 400, minimum=180, maximum=36_500)

# --- other programs ---------------------------------------------------------------------------------

# A token that came in clear may be in other hands: it is refused, not led on to https.
TOKENS_OVER_TLS_ONLY = IN_PRODUCTION
# How often one API token may ask within a minute.
API_REQUESTS_PER_MINUTE = number("API_REQUESTS_PER_MINUTE", 3000, minimum=1, maximum=1_000_000)
# Receivers of webhooks beside https on public addresses, by host and port ("10.0.0.5:8443"); also plain http.
WEBHOOK_ALLOWED_HOSTS = words("WEBHOOK_ALLOWED_HOSTS")
SOURCE_ALLOWED_HOSTS = words("SOURCE_ALLOWED_HOSTS")

# --- mail -------------------------------------------------------------------------------------------

# Where people reach the portal, for links in mail and chats: https://portal.example.com.
PORTAL_URL = text("PORTAL_URL", "").rstrip("/")
if PORTAL_URL and not is_origin(PORTAL_URL):
    raise ImproperlyConfigured(f"PORTAL_URL must be like https://portal.example.com, not {PORTAL_URL!r}.")
if IN_PRODUCTION and ALLOWED_HOSTS and not PORTAL_URL:
    PORTAL_URL = f"https://{ALLOWED_HOSTS[0]}"
try:
    mail = read_mail(text("EMAIL_URL", ""), text("EMAIL_FROM", ""))
except ValueError as error:
    raise ImproperlyConfigured(f"{error}.") from None
MAIL_IS_SET_UP = mail.is_set_up
EMAIL_BACKEND, EMAIL_FILE_PATH = mail.backend, mail.folder
EMAIL_HOST, EMAIL_PORT, EMAIL_TIMEOUT = mail.host, mail.port, mail.timeout
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = mail.user, mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = mail.starts_tls, mail.speaks_tls
DEFAULT_FROM_EMAIL = mail.sender or "portal@localhost"

# --- sign-in --------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
# Long and hard to guess, of whatever signs: NIST SP 800-63B asks for no digits and signs.
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "portal.passwords.HardToGuess"},
]
PASSWORD_RESET_TIMEOUT = 24 * 3600  # seconds that a one-time link works
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "integrations:home"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "portal.accounts.StaffOnlyAdapter"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_METHODS = {"password", "mfa"}  # no mail server for a code by mail
# Wrong codes of a person's second factors; portal/attempts.py limits passwords and the form itself.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "5/5m/key"}
ACCOUNT_FORMS = {
    "change_password": "portal.passwords.AnotherPassword",
    "login": "portal.sign_in_form.SignInForm",
}
MFA_ADAPTER = "portal.second_factor.SealedSeeds"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_FORMS = {
    "add_webauthn": "portal.passkeys.NewPasskeyForm",
    "edit_webauthn": "portal.passkeys.PasskeyNameForm",
    "authenticate_webauthn": "portal.passkeys.PasskeyForm",
    "reauthenticate_webauthn": "portal.passkeys.PasskeyAgainForm",
}
# Whose sign-in is worth nothing without a second factor; who has none sets one up at the first sign-in.
REQUIRE_SECOND_FACTOR = words("REQUIRE_SECOND_FACTOR") or (["superusers", "owners"] if IN_PRODUCTION else [])
WHO_MAY_BE_REQUIRED = ("superusers", "owners", "members", "readers", "everybody", "nobody")
if unknown := [name for name in REQUIRE_SECOND_FACTOR if name not in WHO_MAY_BE_REQUIRED]:
    raise ImproperlyConfigured(
        f"REQUIRE_SECOND_FACTOR holds {unknown[0]!r}: "
        "name superusers, owners, members, readers, everybody or nobody."
    )
MFA_ALLOW_UNVERIFIED_EMAIL = True  # nobody signs up here in another's name, and nobody could confirm one

# Single sign-on with the company's own identity provider (OpenID Connect). Whoever is known there gets in
# only where a superuser has added a person with the same e-mail address.
OIDC_SERVER_URL = text("OIDC_SERVER_URL", "")
OIDC_TRUST_EMAIL = flag("OIDC_TRUST_EMAIL", default=False)
SOCIALACCOUNT_ADAPTER = "portal.accounts.KnownStaffAdapter"
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if OIDC_SERVER_URL:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APPS": [
            {
                "provider_id": "sso",
                "name": text("OIDC_NAME", "Single sign-on"),
                "client_id": text("OIDC_CLIENT_ID"),
                "secret": text("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_SERVER_URL, "oauth_pkce_enabled": True},
            }
        ],
    }

# --- the browser ------------------------------------------------------------------------------------

SECURE_COOKIES = flag("SECURE_COOKIES", default=IN_PRODUCTION)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
# A browser takes a cookie of such a name only over TLS from this very host, so that no neighbour can set one.
COOKIE_PREFIX = "__Host-" if SECURE_COOKIES else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid", f"{COOKIE_PREFIX}csrftoken"
MESSAGE_STORAGE = "portal.message_storage.MessageStorage"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "portal.sessions"
CSRF_FAILURE_VIEW = "portal.ended_sessions.csrf_failure"
# A session ends when nobody has used it for the one, and the other after its sign-in whatever happens.
SESSION_IDLE = dt.timedelta(minutes=number("SESSION_IDLE_MINUTES", 120, minimum=5, maximum=24 * 60))
SESSION_LENGTH = dt.timedelta(hours=number("SESSION_HOURS", 12, minimum=1, maximum=24 * 7))
SESSION_COOKIE_AGE = int(SESSION_LENGTH.total_seconds())
SECURE_SSL_REDIRECT = flag("SECURE_SSL_REDIRECT", default=IN_PRODUCTION)
SECURE_HSTS_SECONDS = 31_536_000 if IN_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IN_PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if PORTAL_ENVIRONMENT is not Environment.PRODUCTION
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = PORTAL_ENVIRONMENT is not Environment.PRODUCTION

# --- language, time, logs -----------------------------------------------------------------------------

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "portal.formats"
USE_I18N = False
USE_TZ = True
TIME_ZONE = time_zone()

LOG_FORMAT = text("LOG_FORMAT", "line")
if LOG_FORMAT not in {"line", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT must be line or json, not {LOG_FORMAT!r}.")
LOG_LEVEL = text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in logging.getLevelNamesMapping():
    raise ImproperlyConfigured(f"LOG_LEVEL must be a level like INFO or WARNING, not {LOG_LEVEL!r}.")
LOGGING = logging_settings(LOG_LEVEL, LOG_FORMAT)
# Who has this token may read /metrics; without one only this machine may.
METRICS_TOKEN = text("METRICS_TOKEN", "")
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured("METRICS_TOKEN is weak: use at least 20 random characters.")

# Where somebody who found a weakness can tell: mail or web addresses, comma separated (RFC 9116).
SECURITY_CONTACT = words("SECURITY_CONTACT")
if wrong := [contact for contact in SECURITY_CONTACT if not is_contact(contact)]:
    raise ImproperlyConfigured(
        f"SECURITY_CONTACT holds {wrong[0]!r}: give an address like mailto:security@example.com or https://…"
    )

if IN_PRODUCTION and (unsafe := unsafe_settings(globals())):
    raise ImproperlyConfigured("\n".join(unsafe))
