"""The portal's addresses."""

from __future__ import annotations

from allauth.account import views as account
from allauth.account.decorators import secure_admin_login
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes.views import generate_recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as social_account
from django.contrib import admin
from django.urls import include, path

from integrations.views import people
from portal.accounts import (
    change_password,
    download_recovery_codes,
    log_in,
    recovery_codes,
    single_sign_on,
)
from portal.ended_sessions import stay_signed_in
from portal.proof import prove_by_single_sign_on
from portal.provider import callback as sign_on_callback
from portal.security_txt import security_txt

# Before admin.site.urls is read: the admin uses the portal's own sign-in, with its limits and second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# All that exists of the sign-in library, under the names by which its own code and templates look pages up;
# never `include("allauth.urls")`: by some of the others people change whom single sign-on takes them for, or
# give themselves a password. Nobody signs up, and there is no mail server to send a reset from: a superuser
# adds people, who choose their password by a one-time link.
accounts = [
    path("login/", log_in, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("reauthenticate/sso/", prove_by_single_sign_on, name="account_reauthenticate_sso"),
    path("stay/", stay_signed_in, name="account_stay"),
    path("welcome/", people.welcome, name="account_welcome"),
    path("browsers/", people.own_browsers, name="account_browsers"),
    path("browsers/end/", people.end_own_browsers, name="account_end_browsers"),
    path("log/", people.own_log, name="account_log"),
    path("password/change/", change_password, name="account_change_password"),
    path("2fa/", second_factor.index, name="mfa_index"),
    path("2fa/authenticate/", second_factor.authenticate, name="mfa_authenticate"),
    path("2fa/reauthenticate/", second_factor.reauthenticate, name="mfa_reauthenticate"),
    path("2fa/totp/activate/", totp.activate_totp, name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", recovery_codes, name="mfa_view_recovery_codes"),
    path("2fa/recovery-codes/generate/", generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("2fa/recovery-codes/download/", download_recovery_codes, name="mfa_download_recovery_codes"),
    path("2fa/webauthn/", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("2fa/webauthn/add/", passkeys.add_webauthn, name="mfa_add_webauthn"),
    path(
        "2fa/webauthn/reauthenticate/", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"
    ),
    path("2fa/webauthn/keys/<int:pk>/edit/", passkeys.edit_webauthn, name="mfa_edit_webauthn"),
    path("2fa/webauthn/keys/<int:pk>/remove/", passkeys.remove_webauthn, name="mfa_remove_webauthn"),
    path("oidc/<str:provider_id>/login/", single_sign_on, name="openid_connect_login"),
    path("oidc/<str:provider_id>/login/callback/", sign_on_callback, name="openid_connect_callback"),
    path("3rdparty/login/cancelled/", social_account.login_cancelled, name="socialaccount_login_cancelled"),
]

urlpatterns = [
    path("", include("integrations.urls")),
    path(".well-known/security.txt", security_txt, name="security_txt"),
    path("api/v1/", include("integrations.api.urls")),
    path("accounts/", include(accounts)),
    path("admin/", admin.site.urls),
]

handler500 = "portal.unavailable.answer_error"
