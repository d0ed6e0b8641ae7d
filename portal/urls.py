"""The portal's addresses."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import Http404
from django.urls import include, path
from django.views.defaults import page_not_found

from portal.accounts import single_sign_on

# Before admin.site.urls is read: the admin uses the portal's own sign-in, with its limits and second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("integrations.urls")),
    path("api/v1/", include("integrations.api.urls")),
    # There is no mail server to send a reset from; a superuser sets a new password in the admin.
    path("accounts/password/reset/", page_not_found, {"exception": Http404()}),
    path("accounts/oidc/<str:provider_id>/login/", single_sign_on),
    # Single sign-on makes no accounts and joins none by hand: the first sign-in does, by e-mail address.
    path("accounts/3rdparty/", page_not_found, {"exception": Http404()}),
    path("accounts/3rdparty/signup/", page_not_found, {"exception": Http404()}),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
