"""The settings read the environment strictly, and production refuses what would be dangerous."""

from __future__ import annotations

import base64
import runpy
import secrets
from pathlib import Path
from typing import Any

import certifi
import pytest
from django.core.exceptions import ImproperlyConfigured

from integrations.checks import old_keys_go

SETTINGS = Path(__file__).resolve().parent.parent / "portal" / "settings.py"
KEY = "lLzU0vDZ8I8oWlpBWLpD2kC3R3lq3M0bDkYCGZ5rUeA="
STRONG = "v8#kQ2!mZ7@pL4$xW9^cN3&bT6*hJ1(dF5)gR0_yU-aS+eI=oPw"
PRODUCTION = {
    "PORTAL_ENVIRONMENT": "production",
    "SECRET_KEY": STRONG,
    "PORTAL_ENCRYPTION_KEYS": KEY,
    "ALLOWED_HOSTS": "portal.example.com",
}
LONG_KEY = "Zm9yLW9uZS1sZWFrLXdvdWxkLWJlLXR3by1hbmQtbW9yZS10aGFuLTUwLXNpZ25zLWxvbmc4MTY1"
WIDE_HOSTS = [
    "*",
    ".example.com",
    "*.example.com",
    "https://portal.example.com",
    "portal.example.com:443",
    "a b",
]
WIDE_ORIGINS = [
    "https://*", "https://*.example.com", "*", "http://portal.example.com", "https://", "portal.example.com",
    "https://portal.example.com/path",
]  # fmt: skip
WEAK_SECRETS = [
    "abcdefghij" * 6,
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "".join(f"{chr(65 + n)}{chr(97 + n)}{n % 10}!" for n in range(15)),
    "django-insecure-v8#kQ2!mZ7@pL4$xW9^cN3&bT6*hJ1(dF5)gR0_yU",
    "change-me-v8#kQ2!mZ7@pL4$xW9^cN3&bT6*hJ1(dF5)gR0_yU",
]
WEAK_KEYS = [
    base64.urlsafe_b64encode(raw).decode()
    for raw in (
        bytes(32), b"\xff" * 32, bytes(range(32)), bytes(range(0, 256, 8)), b"0123456789abcdef" * 2,
        b"a pass phrase of 32 bytes, typed", bytes(range(200, 216)) * 2, b"\x00\xff" * 16,
    )
] + ["c2hvcnQ=", "not base64 at all"]  # fmt: skip
OPEN_TO_ALL = [
    "https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/Organizations/v2.0",
    "https://login.microsoftonline.com/%63ommon/v2.0", "https://login.microsoftonline.com//common/v2.0",
    "https://LOGIN.microsoftonline.com./consumers/v2.0", "https://sts.windows.net/common/",
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", "https://accounts.google.com",
]  # fmt: skip
ANYBODY = [
    "*", "0.0.0.0/0", "::/0", "0.0.0.0", "::", "128.0.0.0/1", "8.0.0.0/7", "2000::/3",  # noqa: S104  # refused
    "2a00::/16", "224.0.0.1", "ff02::1", "240.0.0.0/8", "::ffff:0:0/96", "10.0.0.5/8", "10.0.0",
    "proxy.example", "10.0.0.5:8000", "any",
]  # fmt: skip
SINGLE_SIGN_ON = {"OIDC_SERVER_URL": "https://id.example.com/realms/msp", "OIDC_CLIENT_ID": "portal"}
READ = (
    "PORTAL_ENVIRONMENT", "SECRET_KEY", "PORTAL_ENCRYPTION_KEYS", "ALLOWED_HOSTS", "DEBUG", "DATABASE_URL",
    "AUTOTASK_EXTRA_HOSTS", "AUTOTASK_DISCOVERY_URL", "JOB_LEASE_SECONDS", "SECURE_COOKIES",
    "SECURE_SSL_REDIRECT", "BEHIND_TLS_PROXY", "TRUSTED_PROXIES", "PORTAL_DATA_DIR", "TIME_ZONE", "LOG_LEVEL",
    "OIDC_SERVER_URL", "OIDC_NAME", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_TRUST_EMAIL",
    "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "AUTOTASK_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
    "CSRF_TRUSTED_ORIGINS", "WEBHOOK_ALLOWED_HOSTS", "SOURCE_ALLOWED_HOSTS", "METRICS_TOKEN",
    "SECURITY_CONTACT", "EMAIL_URL", "EMAIL_FROM", "PORTAL_URL",
)  # fmt: skip


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment in which nothing of the portal is set but where its data go."""
    for name in READ:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setenv("PORTAL_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads the settings as they are with these variables."""

    def with_variables(**variables: str) -> dict[str, Any]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(SETTINGS))

    return with_variables


@pytest.mark.parametrize("environment", ["production", "development", "test", "demo"])
def test_only_the_demo_shows_its_credentials(read: Any, environment: str) -> None:
    found = read(**PRODUCTION | {"PORTAL_ENVIRONMENT": environment})
    used = found["TEMPLATES"][0]["OPTIONS"]["context_processors"]
    assert ("portal.demo_access.context" in used) is (environment == "demo")


def test_production_is_what_nobody_asked_for(read: Any) -> None:
    found = read(**{name: value for name, value in PRODUCTION.items() if name != "PORTAL_ENVIRONMENT"})
    assert found["IN_PRODUCTION"]
    assert not found["DEBUG"]
    assert found["SESSION_COOKIE_SECURE"]
    assert found["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert found["CSRF_COOKIE_NAME"] == "__Host-csrftoken"
    assert found["CSRF_COOKIE_SECURE"]
    assert found["SESSION_COOKIE_HTTPONLY"]
    assert found["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert found["SECURE_SSL_REDIRECT"]
    assert found["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert found["AUTOTASK_DISCOVERY_URL"] == "https://webservices.autotask.net"
    assert found["AUTOTASK_EXTRA_HOSTS"] == []


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"PORTAL_ENCRYPTION_KEYS": ""}, "PORTAL_ENCRYPTION_KEYS"),
        ({"PORTAL_ENCRYPTION_KEYS": " , "}, "PORTAL_ENCRYPTION_KEYS"),
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "x" * 60}, "SECRET_KEY"),
        ({"SECRET_KEY": STRONG[:40]}, "SECRET_KEY"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"AUTOTASK_EXTRA_HOSTS": "127.0.0.1:8010"}, "AUTOTASK_EXTRA_HOSTS"),
        ({"AUTOTASK_DISCOVERY_URL": "http://127.0.0.1:8010"}, "AUTOTASK_DISCOVERY_URL"),
        ({"PORTAL_ENVIRONMENT": "prod"}, "PORTAL_ENVIRONMENT"),
        *[({"ALLOWED_HOSTS": f"portal.example.com,{name}"}, "ALLOWED_HOSTS") for name in WIDE_HOSTS],
        *[({"CSRF_TRUSTED_ORIGINS": origin}, "CSRF_TRUSTED_ORIGINS") for origin in WIDE_ORIGINS],
        *[({"WEBHOOK_ALLOWED_HOSTS": name}, "WEBHOOK_ALLOWED_HOSTS") for name in ("*", "*:443", "a.example")],
        *[({"SOURCE_ALLOWED_HOSTS": name}, "SOURCE_ALLOWED_HOSTS") for name in ("*", "*:443", "a.example")],
        *[({"SECRET_KEY": text}, "SECRET_KEY") for text in WEAK_SECRETS],
        *[({"PORTAL_ENCRYPTION_KEYS": key}, "PORTAL_ENCRYPTION_KEYS") for key in WEAK_KEYS],
        ({"SECRET_KEY": LONG_KEY, "PORTAL_ENCRYPTION_KEYS": f"{KEY},{LONG_KEY}"}, "one leak would be two"),
        *[({"BEHIND_TLS_PROXY": "true", "TRUSTED_PROXIES": f"10.0.0.5,{name}"}, "TRUSTED_PROXIES")
          for name in ANYBODY],
        ({"TRUSTED_PROXIES": "10.0.0.5"}, "BEHIND_TLS_PROXY"),
        ({"SECURE_COOKIES": "false"}, "SECURE_COOKIES"),
        ({"METRICS_TOKEN": "abcdefghij" * 3}, "METRICS_TOKEN"),
        ({"DATABASE_URL": "postgres://portal:CHANGE-ME@127.0.0.1:5432/portal"}, "DATABASE_URL"),
        *[(SINGLE_SIGN_ON | {"OIDC_CLIENT_SECRET": "s", "OIDC_TRUST_EMAIL": "true", "OIDC_SERVER_URL": url},
           "OIDC_TRUST_EMAIL") for url in OPEN_TO_ALL],
    ],
)  # fmt: skip
def test_production_refuses_to_start_and_says_why(read: Any, change: dict[str, str], names: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(**(PRODUCTION | change))
    assert names in str(refusal.value)
    for secret in (STRONG, KEY, *WEAK_KEYS, *WEAK_SECRETS):
        assert secret not in str(refusal.value)


def test_all_that_is_wrong_is_told_at_once_a_sentence_each(read: Any) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(**PRODUCTION | {"DEBUG": "true", "SECURE_COOKIES": "false", "ALLOWED_HOSTS": "*"})
    lines = str(refusal.value).splitlines()
    assert [line.split()[0].partition("=")[0] for line in lines] == [
        "DEBUG",
        "SECURE_COOKIES",
        "ALLOWED_HOSTS",
    ]


def test_what_is_made_as_the_guide_says_is_accepted(read: Any) -> None:
    for _ in range(50):
        found = read(
            **PRODUCTION
            | {
                "SECRET_KEY": base64.b64encode(secrets.token_bytes(48)).decode(),
                "PORTAL_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "METRICS_TOKEN": secrets.token_hex(16),
                "ALLOWED_HOSTS": "portal.example.com,PORTAL.lan,10.0.0.5,[fd00::5],localhost",
                "CSRF_TRUSTED_ORIGINS": "https://portal.example.com,https://10.0.0.5:8443,https://[fd00::5]:8443",
                "WEBHOOK_ALLOWED_HOSTS": "10.0.0.5:8443,hooks.lan:80",
                "BEHIND_TLS_PROXY": "true",
                "TRUSTED_PROXIES": "unix, 10.0.0.0/8,172.64.0.0/13,fd00::/8,2400:cb00::/32,::ffff:10.0.0.5",
            }
        )
        assert found["IN_PRODUCTION"]
    found = read(SECRET_KEY=secrets.token_hex(32), DATABASE_URL="postgres://portal:pw@db.example/portal")
    assert found["IN_PRODUCTION"]


def test_a_tenant_of_ones_own_may_be_trusted(read: Any) -> None:
    server = "https://login.microsoftonline.com/5f1d9e2a-7c1b-4c55-9d6a-0d5b7a1f2c33/v2.0"
    wish = SINGLE_SIGN_ON | {"OIDC_CLIENT_SECRET": "s", "OIDC_TRUST_EMAIL": "true", "OIDC_SERVER_URL": server}
    assert read(**PRODUCTION | wish)["OIDC_TRUST_EMAIL"]
    shared = {"OIDC_TRUST_EMAIL": "false", "OIDC_SERVER_URL": "https://login.microsoftonline.com/common/v2.0"}
    assert not read(**PRODUCTION | wish | shared)["OIDC_TRUST_EMAIL"]


def test_a_weak_key_behind_a_good_one_opens_what_it_sealed_and_is_told_of(read: Any, settings: Any) -> None:
    """Otherwise nobody could get rid of it: rotating needs both."""
    found = read(**PRODUCTION | {"PORTAL_ENCRYPTION_KEYS": f"{KEY},{WEAK_KEYS[0]}"})
    settings.IN_PRODUCTION, settings.PORTAL_ENCRYPTION_KEYS = True, found["PORTAL_ENCRYPTION_KEYS"]
    (told,) = old_keys_go()
    assert (told.id, "Key 2" in told.msg, "rotate_encryption_keys" in str(told.hint)) == (
        "integrations.W001", True, True,
    )  # fmt: skip
    settings.PORTAL_ENCRYPTION_KEYS = [KEY]
    assert old_keys_go() == []


def test_a_development_machine_may_do_without_tls(read: Any) -> None:
    found = read(**PRODUCTION | {"PORTAL_ENVIRONMENT": "development", "SECURE_COOKIES": "false"})
    assert (found["SESSION_COOKIE_NAME"], found["CSRF_COOKIE_NAME"]) == ("sessionid", "csrftoken")
    assert read(SECURE_COOKIES="true")["SESSION_COOKIE_NAME"] == "__Host-sessionid"


@pytest.mark.parametrize(
    "contact", ["security@example.com", "http://example.com", "mailto:nobody", "mailto:a@b\nX:"]
)
def test_a_contact_is_an_address(read: Any, contact: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECURITY_CONTACT"):
        read(**PRODUCTION, SECURITY_CONTACT=contact)


@pytest.mark.parametrize(
    "change",
    [
        {"DEBUG": "maybe"},
        {"JOB_LEASE_SECONDS": "soon"},
        {"JOB_LEASE_SECONDS": "1"},
        {"JOB_LEASE_SECONDS": "999999"},
        {"SECURE_COOKIES": "2"},
        {"HTTPS_PROXY": "socks5://me:hidden@proxy.example"},
        {"AUTOTASK_CA_BUNDLE": "/nowhere/ca.pem"},
        {"AUTOTASK_CA_BUNDLE": __file__},
    ],
)
def test_a_value_that_cannot_be_stops_the_start_with_its_name(read: Any, change: dict[str, str]) -> None:
    with pytest.raises(ImproperlyConfigured, match=next(iter(change))) as refusal:
        read(**(PRODUCTION | {"PORTAL_ENVIRONMENT": "test"} | change))
    assert "hidden" not in str(refusal.value)


def test_the_way_out_is_direct_until_a_proxy_is_named(read: Any) -> None:
    found = read(**PRODUCTION)
    assert (found["OUTBOUND_PROXY"], found["AUTOTASK_CA_BUNDLE"]) == (None, "")
    proxy = read(HTTPS_PROXY="http://proxy.example:8080", NO_PROXY="localhost,.lan")["OUTBOUND_PROXY"]
    assert (proxy.host, proxy.port, proxy.past) == ("proxy.example", 8080, ("localhost", ".lan"))


def test_the_small_spelling_of_the_proxy_and_the_bundle_of_others_are_read_too(read: Any) -> None:
    bundle = certifi.where()
    found = read(**PRODUCTION, https_proxy="proxy.example", REQUESTS_CA_BUNDLE=bundle)
    assert (found["OUTBOUND_PROXY"].port, found["AUTOTASK_CA_BUNDLE"]) == (3128, bundle)


def test_secrets_come_from_files_too(read: Any, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{KEY}\nQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=\n")
    variables = {name: value for name, value in PRODUCTION.items() if name != "PORTAL_ENCRYPTION_KEYS"}
    found = read(**variables, PORTAL_ENCRYPTION_KEYS_FILE=str(file))
    assert found["PORTAL_ENCRYPTION_KEYS"] == [KEY, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="]


def test_a_variable_and_its_file_together_or_a_missing_file_are_refused(read: Any, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="not both"):
        read(**PRODUCTION, SECRET_KEY_FILE=str(tmp_path / "x"))


def test_a_file_that_is_not_there_is_named(read: Any, tmp_path: Path) -> None:
    variables = {name: value for name, value in PRODUCTION.items() if name != "SECRET_KEY"}
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FILE"):
        read(**variables, SECRET_KEY_FILE=str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "address",
    ["nonsense", "mysql://portal:Heron71@db/portal", "postgres://portal:Heron71@db:5432/"],
)  # fmt: skip
def test_an_address_that_names_no_database_says_how_it_should_look(read: Any, address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must be like") as refusal:
        read(**PRODUCTION | {"DATABASE_URL": address})
    assert "Heron71" not in str(refusal.value)


@pytest.mark.parametrize("setting", ["DATABASE_URL", "EMAIL_URL", "REDIS_URL"])
@pytest.mark.parametrize(
    "address",
    ["portal:He@ron71@db/0", "portal:4/ron71?x@db/0", "portal:4#ron71@db",
     "portal:p#a@s%s/w@127.0.0.1:5432/0", "portal:ron71:x@db:ron71/0"],
)  # fmt: skip
def test_a_raw_sign_of_the_password_is_never_taken_for_the_end_of_it(
    read: Any, setting: str, address: str
) -> None:
    """What follows would be looked for as a host, for ever, and be told in the log."""
    scheme = {"DATABASE_URL": "postgres", "EMAIL_URL": "smtps", "REDIS_URL": "rediss"}[setting]
    others = {"EMAIL_FROM": "portal@msp.example", "TASKS_BACKEND": "rq"}
    with pytest.raises(ImproperlyConfigured, match="percent-encoded: @ is %40") as refusal:
        read(**PRODUCTION | others | {"REDIS_URL": "redis://db"} | {setting: f"{scheme}://{address}"})
    assert setting in str(refusal.value)
    assert "ron71" not in str(refusal.value)
    assert "s%s" not in str(refusal.value)


@pytest.mark.parametrize(
    "address",
    ["db:6379", "http://db/0", "redis://db:0", "redis://db/x", "redis://d b/0", "unix://", "redis:/db"],
)
def test_an_address_that_names_no_redis_says_how_it_should_look(read: Any, address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL must be like"):
        read(**PRODUCTION | {"TASKS_BACKEND": "rq", "REDIS_URL": address})


@pytest.mark.parametrize(
    "address",
    ["redis://127.0.0.1:6379/0", "rediss://me:p%40s%2Fs@db.example", "redis://[::1]:6379", "redis:///1",
     "unix://me:pw@/run/redis.sock?db=1", "redis://:pw@db/0?health_check_interval=2"],
)  # fmt: skip
def test_the_address_of_a_redis_is_taken_as_it_is(read: Any, address: str) -> None:
    found = read(**PRODUCTION | {"TASKS_BACKEND": "rq", "REDIS_URL": address})
    assert found["RQ_QUEUES"]["default"]["URL"] == address


def test_the_way_out_follows_the_same_rule(read: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"HTTPS_PROXY .* percent-encoded: @ is %40") as refusal:
        read(**PRODUCTION | {"HTTPS_PROXY": "http://me:4#ron71@proxy.example:3128"})
    assert "ron71" not in str(refusal.value)


def test_encoded_signs_of_the_password_and_an_at_of_a_file_are_read(read: Any) -> None:
    found = read(**PRODUCTION | {"DATABASE_URL": "postgres://portal:p%23a%40s%25s%2Fw%3F@db:5433/portal"})
    assert found["DATABASES"]["default"]["PASSWORD"] == "p#a@s%s/w?"  # invented
    assert found["DATABASES"]["default"]["HOST"] == "db"
    found = read(**PRODUCTION | {"DATABASE_URL": "sqlite:////srv/a@b/c@d.sqlite3"})
    assert found["DATABASES"]["default"]["NAME"] == "/srv/a@b/c@d.sqlite3"
    read(
        **PRODUCTION | {"PORTAL_ENVIRONMENT": "test", "EMAIL_URL": "filemail:///srv/a@b", "EMAIL_FROM": "p@m"}
    )


@pytest.mark.parametrize("around", ["{} ", "{}\r", "\t{}\r\n"])
def test_what_surrounds_a_value_does_not_count(read: Any, tmp_path: Path, around: str) -> None:
    """Files with settings are written by hand, and on Windows."""
    values = PRODUCTION | {
        "TIME_ZONE": "Europe/Berlin", "LOG_LEVEL": "WARNING", "LOG_FORMAT": "json", "DEBUG": "false",
        "PORTAL_DATA_DIR": str(tmp_path / "data"), "PORTAL_URL": "https://portal.example.com",
        "DATABASE_URL": "postgres://portal:pw@db/portal", "https_proxy": "http://proxy.example:3128",
    }  # fmt: skip
    found = read(**{name: around.format(value) for name, value in values.items()})
    for name in ("TIME_ZONE", "LOG_FORMAT", "SECRET_KEY", "PORTAL_URL", "DATABASE_URL"):
        assert found[name] == values[name]
    assert found["DATABASES"]["default"]["NAME"] == "portal"
    assert found["DATA_DIR"] == tmp_path / "data"
    assert found["ALLOWED_HOSTS"] == ["portal.example.com"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("TIME_ZONE", "Berlin"), ("TIME_ZONE", "../etc/passwd"), ("LOG_LEVEL", "LOUD"), ("LOG_FORMAT", "xml"),
     ("PORTAL_ENVIRONMENT", "prod"), ("JOB_LEASE_SECONDS", "1 minute")],
)  # fmt: skip
def test_a_senseless_value_is_told_by_its_setting(read: Any, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        read(**PRODUCTION | {name: value})


def test_a_file_that_is_no_text_is_told_without_what_is_in_it(read: Any, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"a token that is long enough \xe9")
    with pytest.raises(ImproperlyConfigured, match="METRICS_TOKEN_FILE names a file that is no text") as told:
        read(**PRODUCTION, METRICS_TOKEN_FILE=str(file))
    assert "0xe9" not in str(told.value)


def test_single_sign_on_is_off_until_a_provider_is_named(read: Any, tmp_path: Path) -> None:
    assert read(**PRODUCTION)["SOCIALACCOUNT_PROVIDERS"] == {}
    file = tmp_path / "client_secret"
    file.write_text("the client's secret\n")
    found = read(**SINGLE_SIGN_ON, OIDC_CLIENT_SECRET_FILE=str(file))
    (app,) = found["SOCIALACCOUNT_PROVIDERS"]["openid_connect"]["APPS"]
    assert (app["client_id"], app["secret"]) == ("portal", "the client's secret")
    assert app["settings"] == {
        "server_url": "https://id.example.com/realms/msp",
        "oauth_pkce_enabled": True,
    }
    assert not found["OIDC_TRUST_EMAIL"]


def test_single_sign_on_without_its_secret_or_encryption_stops_the_start(read: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="OIDC_CLIENT_SECRET is not set"):
        read(**PRODUCTION, **SINGLE_SIGN_ON)
    plain = SINGLE_SIGN_ON | {"OIDC_SERVER_URL": "http://id.example.com", "OIDC_CLIENT_SECRET": "s"}
    with pytest.raises(ImproperlyConfigured, match="https"):
        read(**PRODUCTION, **plain)


def test_keys_are_never_derived_from_the_secret_key(read: Any) -> None:
    variables = {name: value for name, value in PRODUCTION.items() if name != "PORTAL_ENCRYPTION_KEYS"}
    with pytest.raises(ImproperlyConfigured, match="PORTAL_ENCRYPTION_KEYS is not set"):
        read(**variables)


def test_sqlite_takes_the_write_lock_at_once_and_waits_for_it(read: Any, tmp_path: Path) -> None:
    found = read(**PRODUCTION)["DATABASES"]["default"]
    assert found["NAME"] == str(tmp_path / "data" / "portal.sqlite3")
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert found["OPTIONS"]["timeout"] == 20
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]


def test_postgresql_is_a_matter_of_its_address(read: Any) -> None:
    found = read(**PRODUCTION, DATABASE_URL="postgres://portal:pw@db.example:5433/portal")
    database = found["DATABASES"]["default"]
    assert database["ENGINE"] == "integrations.database.postgres"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "portal")
    assert database["CONN_HEALTH_CHECKS"]


@pytest.mark.parametrize(("query", "threshold"), [("", 2), ("?prepare_threshold=0", None)])
def test_a_pooler_can_have_no_plans_kept(read: Any, query: str, threshold: int | None) -> None:
    found = read(**PRODUCTION, DATABASE_URL=f"postgres://portal:pw@db.example/portal{query}")
    assert found["DATABASES"]["default"]["OPTIONS"]["prepare_threshold"] == threshold


# --- second factors -------------------------------------------------------------------------------


def test_production_demands_a_second_factor_of_superusers_and_owners(read: Any) -> None:
    assert read(**PRODUCTION)["REQUIRE_SECOND_FACTOR"] == ["superusers", "owners"]
    assert read(**PRODUCTION, REQUIRE_SECOND_FACTOR="nobody")["REQUIRE_SECOND_FACTOR"] == ["nobody"]


@pytest.mark.parametrize("environment", ["demo", "development", "test"])
def test_elsewhere_no_second_factor_is_demanded(read: Any, environment: str) -> None:
    assert read(**PRODUCTION | {"PORTAL_ENVIRONMENT": environment})["REQUIRE_SECOND_FACTOR"] == []


def test_whose_second_factor_is_demanded_is_named_rightly(read: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="REQUIRE_SECOND_FACTOR holds 'owner'"):
        read(**PRODUCTION, REQUIRE_SECOND_FACTOR="owner")


def test_mail_is_read_from_one_address(read: Any) -> None:
    assert not read(**PRODUCTION)["MAIL_IS_SET_UP"]
    relay = {"EMAIL_URL": "smtp://mail.internal:25", "EMAIL_FROM": "Büro <portal@bücher.example>"}
    assert read(**PRODUCTION | relay)["MAIL_IS_SET_UP"]
    found = read(
        **PRODUCTION
        | {"EMAIL_URL": "smtp+tls://us%40x:p%2Fw@mail.example", "EMAIL_FROM": "Portal <portal@msp.example>"}
    )
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    values = tuple(found[f"EMAIL_{name}"] for name in names)
    assert values == ("mail.example", 587, "us@x", "p/w", True, False)
    assert found["DEFAULT_FROM_EMAIL"] == "Portal <portal@msp.example>"
    assert found["PORTAL_URL"] == f"https://{found['ALLOWED_HOSTS'][0]}"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"EMAIL_URL": "mail.example:25"}, "EMAIL_URL"),
        ({"EMAIL_URL": "smtp://u:hush-hush@:99999"}, "EMAIL_URL"),
        ({"EMAIL_URL": "smtp://u:hush-hush@"}, "EMAIL_URL"),
        ({"EMAIL_URL": "smtps://u:25#hush-hush@mail.example"}, "percent-encoded"),
        ({"EMAIL_URL": "smtps://u:12345/hush-hush@mail.example"}, "percent-encoded"),
        ({"EMAIL_URL": "smtps://u:hush-hush@mail.example/?x=1"}, "percent-encoded"),
        ({"EMAIL_URL": "smtps://u:hush-hush@mail.example:0"}, "port 0"),
        ({"EMAIL_URL": "smtps://hush-hush@mail.example"}, "a user and a password"),
        ({"EMAIL_URL": "smtps://u:hush-h%C3%BCsh@mail.example"}, "not ASCII"),
        ({"EMAIL_URL": "smtp://u:hush-hush@mail.example"}, "in clear"),
        ({"EMAIL_URL": "consolemail://"}, "for development"),
        ({"EMAIL_URL": "memorymail://"}, "for development"),
        ({"EMAIL_FROM": ""}, "EMAIL_FROM"),
        ({"EMAIL_FROM": "portal@msp.example, desk@msp.example"}, "EMAIL_FROM"),
        ({"EMAIL_FROM": "portal@" + "x" * 70 + ".example"}, "EMAIL_FROM"),
        ({"EMAIL_FROM": "portal@msp.example\nBcc: all@msp.example"}, "EMAIL_FROM"),
        ({"PORTAL_URL": "portal.example/path"}, "PORTAL_URL"),
    ],
)
def test_mail_that_cannot_work_stops_the_start(read: Any, change: dict[str, str], names: str) -> None:
    usual = {"EMAIL_URL": "smtps://u:hush-hush@mail.example", "EMAIL_FROM": "portal@msp.example"}
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(**PRODUCTION | usual | change)
    assert names in str(refusal.value)
    assert "hush-h" not in str(refusal.value)
