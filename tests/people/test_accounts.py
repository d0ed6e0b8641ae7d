"""Which addresses of the sign-in library exist, and that no other way leads to somebody else's account."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import get_resolver, reverse

from portal.attempts import forget_failures
from tests.pages.test_look import assert_sound
from tests.support.addresses import account_routes
from tests.support.simulated import everything_stored

Signed = Callable[[User], Client]
PASSWORD = "a long pass phrase"

# Whoever adds one here says what the portal needs it for, and what a stranger can do with it.
LIVE = {
    "accounts/login/": "account_login",
    "accounts/logout/": "account_logout",
    "accounts/inactive/": "account_inactive",
    "accounts/reauthenticate/": "account_reauthenticate",
    "accounts/stay/": "account_stay",
    "accounts/welcome/": "account_welcome",
    "accounts/browsers/": "account_browsers",
    "accounts/browsers/end/": "account_end_browsers",
    "accounts/log/": "account_log",
    "accounts/password/change/": "account_change_password",
    "accounts/2fa/": "mfa_index",
    "accounts/reauthenticate/sso/": "account_reauthenticate_sso",
    "accounts/2fa/webauthn/": "mfa_list_webauthn",
    "accounts/2fa/webauthn/add/": "mfa_add_webauthn",
    "accounts/2fa/webauthn/reauthenticate/": "mfa_reauthenticate_webauthn",
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": "mfa_edit_webauthn",
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": "mfa_remove_webauthn",
    "accounts/2fa/authenticate/": "mfa_authenticate",
    "accounts/2fa/reauthenticate/": "mfa_reauthenticate",
    "accounts/2fa/totp/activate/": "mfa_activate_totp",
    "accounts/2fa/totp/deactivate/": "mfa_deactivate_totp",
    "accounts/2fa/recovery-codes/": "mfa_view_recovery_codes",
    "accounts/2fa/recovery-codes/generate/": "mfa_generate_recovery_codes",
    "accounts/2fa/recovery-codes/download/": "mfa_download_recovery_codes",
    "accounts/3rdparty/login/cancelled/": "socialaccount_login_cancelled",
    "accounts/oidc/<str:provider_id>/login/": "openid_connect_login",
    "accounts/oidc/<str:provider_id>/login/callback/": "openid_connect_callback",
}

OURS = {
    "account_log",
    "account_browsers",
    "account_end_browsers",
    "account_reauthenticate_sso",
    "account_stay",
    "account_welcome",
}

# What the library has beside, as it was when this was written; the test adds what it has now.
DEAD = [
    "/accounts/", "/accounts/signup/", "/accounts/email/", "/accounts/confirm-email/",
    "/accounts/confirm-email/MQ:abc/", "/accounts/password/set/", "/accounts/password/reset/",
    "/accounts/password/reset/done/", "/accounts/password/reset/key/done/",
    "/accounts/password/reset/key/1-set-password/", "/accounts/login/code/", "/accounts/login/code/confirm/",
    "/accounts/reauthenticate/code/", "/accounts/reauthenticate/code/confirm/", "/accounts/phone/change/",
    "/accounts/phone/verify/", "/accounts/sessions/", "/accounts/3rdparty/", "/accounts/3rdparty/signup/",
    "/accounts/3rdparty/login/error/", "/accounts/social/signup/", "/accounts/social/connections/",
    "/accounts/social/login/cancelled/", "/accounts/social/login/error/", "/accounts/2fa/trust/",
    "/accounts/2fa/webauthn/login/", "/accounts/2fa/webauthn/signup/", "/accounts/signup/passkey/",
    "/accounts/oidc/", "/accounts/oidc/sso/", "/_allauth/browser/v1/account/email",
]  # fmt: skip


def example(route: str) -> str:
    """An address of this route."""
    return re.sub("<[^>]*>", "sso", re.sub("<int:[^>]*>", "7", route))


def of_the_library() -> set[str]:
    """Every address that the library would have under these settings."""
    known = get_resolver("allauth.urls").reverse_dict
    return {
        "/accounts/" + address % {name: 7 if name == "pk" else "sso" for name in parameters}
        for name in known
        for possibilities, *_ in known.getlist(name)
        for address, parameters in possibilities
    }


def with_a_second_factor(user: User) -> User:
    auth.TOTP.activate(user, "ABCDEFGHIJKLMNOP")
    RecoveryCodes.activate(user)
    return user


def proven(client: Client) -> Client:
    """The same browser, after it was asked for the password once more."""
    response = client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert response.status_code == 302
    return client


def test_these_addresses_of_accounts_exist_and_no_others() -> None:
    assert account_routes() == LIVE


@pytest.mark.exhaustive
def test_all_others_of_the_library_are_not_found(
    owner: User,
    member: User,
    reader: User,
    stranger: User,
    client_of: Signed,
    subtests: pytest.Subtests,
) -> None:
    live = {"/" + example(route): name for route, name in LIVE.items()}
    found = of_the_library()
    assert {address for address, name in live.items() if name not in OURS} <= found, "a page has moved"
    dead = sorted(found - set(live) | set(DEAD))
    data = {
        "email": "olivia@example.com", "action_add": "", "action_primary": "", "username": "new",
        "login": "olivia", "account": "1",
        "password1": "Heron-lantern-44", "password2": "Heron-lantern-44",
    }  # fmt: skip
    people = [Client(), *(client_of(user) for user in (owner, member, reader, stranger))]
    before = everything_stored()
    for address in dead:
        with subtests.test(address):
            for client in people:
                for response in (client.get(address), client.post(address, data)):
                    assert response.status_code == 404
    assert everything_stored() == before


@pytest.mark.exhaustive
def test_reading_an_account_page_writes_nothing(
    owner: User, stranger: User, client_of: Signed, subtests: pytest.Subtests
) -> None:
    with_a_second_factor(owner)
    half_way = Client()
    half_way.post(reverse("account_login"), {"login": "olivia", "password": PASSWORD})
    browsers = [Client(), half_way, proven(client_of(stranger)), proven(client_of(owner))]
    before, shown = everything_stored(), set()
    for route, name in LIVE.items():
        address = "/" + example(route)
        with subtests.test(name):
            for client in browsers:
                response = client.get(address)
                assert response.status_code in {200, 204, 302, 404, 405}
                if response.status_code in {200, 204}:
                    shown.add(name)
    assert everything_stored() == before
    assert set(LIVE.values()) - shown == {
        "openid_connect_login", "openid_connect_callback", "account_reauthenticate_sso",
        "mfa_reauthenticate_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn",
        "account_end_browsers",
    }, "who has none of what these are about is not shown them"  # fmt: skip


def test_recovery_codes_are_shown_and_downloaded_by_their_person_only(
    owner: User, stranger: User, client_of: Signed
) -> None:
    with_a_second_factor(owner)
    client = client_of(owner)
    shown, file = reverse("mfa_view_recovery_codes"), reverse("mfa_download_recovery_codes")
    for address in (shown, file):
        assert client.get(address)["Location"].startswith(reverse("account_reauthenticate"))
    proven(client)
    codes = re.findall(r"<li><code>(\d+)</code>", client.get(shown).content.decode())
    assert len(codes) == len(set(codes)) == 10
    assert f'href="{file}"' in client.get(shown).content.decode()
    response = client.get(file)
    assert response.content.decode().split() == codes
    assert response["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    for address in (shown, file):
        assert client.post(address).status_code == 405
        assert proven(client_of(stranger)).get(address).status_code == 404

    row = Authenticator.objects.get(user=owner, type=Authenticator.Type.RECOVERY_CODES)
    assert row.wrap().validate_code(codes[0])
    assert client.get(file).content.decode().split() == codes[1:]
    for code in codes[1:]:
        assert row.wrap().validate_code(code)
    assert client.get(file).status_code == 404
    page = client.get(shown).content.decode()
    assert "0 of 10 are unused" in page
    assert file not in page


def test_who_has_no_password_gets_none(stranger: User, owner: User, client_of: Signed) -> None:
    """Whoever is to come by single sign-on only, in the admin's "password-based authentication: disabled"."""
    stranger.set_unusable_password()
    stranger.save()
    client = client_of(stranger)
    address = reverse("account_change_password")
    new = {"password1": "Heron-lantern-44", "password2": "Heron-lantern-44"}
    for response in (
        client.get(address), client.post(address, new), client.post(address, {**new, "oldpassword": ""})
    ):  # fmt: skip
        assert response.status_code == 404
    stranger.refresh_from_db()
    assert not stranger.has_usable_password()

    start = reverse("integrations:glossary")
    owner.set_unusable_password()
    owner.save()
    assert address not in client_of(owner).get(start).content.decode()
    owner.set_password(PASSWORD)
    owner.save()
    assert address in client_of(owner).get(start).content.decode()


def test_an_address_that_an_earlier_version_noted_keeps_nobody_from_a_second_factor(
    member: User, client_of: Signed
) -> None:
    """It made such rows when somebody looked at a page, and there is no way to confirm one."""
    EmailAddress.objects.create(user=member, email="marcus@example.com", primary=True, verified=False)
    client = proven(client_of(member))
    secret = re.search(
        r'id="authenticator_secret">([A-Z2-7]+)<', client.get(reverse("mfa_activate_totp")).content.decode()
    )
    assert secret is not None
    assert client.post(reverse("mfa_activate_totp"), {"code": code_of(secret[1])}).status_code == 302
    assert Authenticator.objects.filter(user=member, type=Authenticator.Type.TOTP).exists()


def test_no_code_by_mail_is_offered_where_no_mail_is_sent(member: User, client_of: Signed) -> None:
    EmailAddress.objects.create(user=member, email="marcus@example.com", primary=True, verified=True)
    response = client_of(member).get(reverse("account_reauthenticate"))
    assert response.status_code == 200
    assert "code" not in re.sub(r"<head>.*</head>", "", response.content.decode(), flags=re.DOTALL)
    assert_sound(response.content.decode())


def test_wrong_passwords_count_under_the_user_name_wherever_they_are_asked_for(
    member: User, client_of: Signed
) -> None:
    """Also where the library knows an e-mail address of the person, under which it would count otherwise."""
    cache.clear()
    EmailAddress.objects.create(user=member, email="marcus@example.com", primary=True, verified=True)
    client = client_of(member)
    for _ in range(3):
        client.post(reverse("account_reauthenticate"), {"password": "wrong"})
        wrong = {"login": "marcus", "password": "wrong"}
        Client().post(reverse("account_login"), wrong, REMOTE_ADDR="192.0.2.9")
    right = {"login": "marcus", "password": PASSWORD}
    assert Client().post(reverse("account_login"), right, REMOTE_ADDR="192.0.2.9").status_code == 200
    assert forget_failures("Marcus") == 6
    assert Client().post(reverse("account_login"), right, REMOTE_ADDR="192.0.2.9").status_code == 302
    cache.clear()


def test_wrong_passwords_count_under_the_user_name_however_it_is_spelt(member: User) -> None:
    """PostgreSQL finds Marcus by each of these."""
    cache.clear()
    for number, name in enumerate(("marcus", "MARCUS", "marcu\u017f", "Marcu\u017f", "mArcu\u017f")):
        wrong = {"login": name, "password": "wrong"}
        Client().post(reverse("account_login"), wrong, REMOTE_ADDR=f"192.0.2.{number // 3}")
    for name in ("marcus", "marcu\u017f"):
        right = {"login": name, "password": PASSWORD}
        assert Client().post(reverse("account_login"), right, REMOTE_ADDR="192.0.2.0").status_code == 200
    assert forget_failures("Marcus") == 5
    cache.clear()


def code_of(secret: str) -> str:
    """What an authenticator app with this secret shows now."""
    value = auth.hotp_value(secret, int(time.time()) // mfa_settings.TOTP_PERIOD)
    return str(auth.format_hotp_value(value))
