"""People: Django's own page without a trace of the password, and second factors without their secret."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import ReadOnlyPasswordHashField, ReadOnlyPasswordHashWidget, UserChangeForm
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.text import capfirst

from integrations.admin.common import ReadOnlyAdmin, link
from integrations.admin.sections import LABELS
from integrations.models import AccountEvent, BrowserSession, MappingProposal, TablePreference
from integrations.services.audit import Batch, actor_of
from integrations.services.people import NotAllowed, hold_superusers
from integrations.services.sign_ins import end_all_sessions
from portal.unlock import unlock_login


def gives_access(request: HttpRequest) -> bool:
    """Whether the action of a list changes who may come in; ending sessions and limits does not."""
    return request.POST.get("action") not in {"unlock", "sign_out_everywhere"}


class ProvenAdmin(admin.ModelAdmin[Any]):
    """Whoever changes access here proves once more who they are."""

    @method_decorator(reauthentication_required(allow_get=True))
    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        """One row."""
        return super().changeform_view(*args, **kwargs)

    @method_decorator(reauthentication_required(allow_get=True, enabled=gives_access))
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """All rows under the portal's word for them, with what can be done to several."""
        title = LABELS.get(self.model.__name__, capfirst(str(self.opts.verbose_name_plural)))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    @method_decorator(reauthentication_required(allow_get=True))
    def delete_view(self, *args: Any, **kwargs: Any) -> Any:
        """Asking, and deleting."""
        return super().delete_view(*args, **kwargs)


class PasswordState(ReadOnlyPasswordHashWidget):
    """Whether there is a password. Django would show parts of salt and hash."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["summary"] = [{"label": "Set" if value and is_password_usable(value) else "Not set"}]
        context["password_url"] = ""  # by a one-time link only: nobody else is to know it
        return context


class PersonForm(UserChangeForm[User]):
    """A person, without a trace of the password."""

    password = ReadOnlyPasswordHashField(widget=PasswordState)


admin.site.unregister([User, Group])


@admin.register(Group)
class RoleAdmin(ProvenAdmin, GroupAdmin):
    """What a role may do."""


@admin.register(User)
class PersonAdmin(ProvenAdmin, UserAdmin[User]):
    """Who may sign in, and in which role. People are added, and given links, on the portal's own page."""

    form = PersonForm
    list_display = ("username", "first_name", "last_name", "email", "roles", "is_superuser", "is_active")
    list_filter = ("groups", "is_superuser", "is_active")
    date_hierarchy = "date_joined"
    show_full_result_count = False
    list_per_page = 50

    actions = ("sign_out_everywhere", "unlock")

    def add_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Not here, where a password would be asked for."""
        return redirect("integrations:person_add")

    def user_change_password(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Not here. Raises PermissionDenied."""
        raise PermissionDenied

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    # Nobody takes from themselves what only others can give back.

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A superuser's own rights are for another superuser to take."""
        own = ("is_superuser", "is_active") if obj == request.user else ()
        return (*super().get_readonly_fields(request, obj), *own)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not oneself."""
        return obj != request.user and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save, unless another superuser was quicker. Raises PermissionDenied."""
        self._hold_superusers(obj)
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """The same for deleting. Raises PermissionDenied."""
        self._hold_superusers(obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """The same for several. Raises PermissionDenied."""
        with transaction.atomic():
            self._hold_superusers(*queryset)
            super().delete_queryset(request, queryset)

    def _hold_superusers(self, *people: User) -> None:
        try:
            hold_superusers(*(person.pk for person in people))
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from error

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def sign_out_everywhere(self, request: HttpRequest, queryset: Any) -> None:
        """Ends all sessions of the chosen people; of whoever does it all others."""
        ended = sum(end_all_sessions(person, "ended by a superuser") for person in queryset)
        self.message_user(request, f"{ended:,} signed out.")

    @admin.action(description="Let them sign in at once after wrong passwords", permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: Any) -> None:
        """Forgets the waits under these names, wherever they come from. Audited."""
        batch = Batch(actor_of(request))
        failures = sum(unlock_login(batch, person.username) for person in queryset)
        self.message_user(request, f"{failures:,} wrong passwords are forgotten.")

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes with the people, in numbers: Django would list every unsaved proposal."""
        people = list(objs)
        numbers = {
            "people": len(people),
            "unsaved proposals": MappingProposal.objects.filter(user__in=people).count(),
            "second factors": Authenticator.objects.filter(user__in=people).count(),
        }
        own = {"your own account"} if request.user in people else set()
        return [link(person) for person in people], numbers, own, []

    @admin.display(description="roles")
    def roles(self, person: User) -> str:
        """The groups that give rights on the portal's pages."""
        return ", ".join(group.name for group in person.groups.all())


admin.site.unregister(EmailAddress)


@admin.register(EmailAddress)
class EmailAddressAdmin(ProvenAdmin, ReadOnlyAdmin[EmailAddress]):
    """Rows that an earlier version made. The portal never reads them: a person's address is on the person."""

    list_display = ("email", "user", "primary", "verified")
    list_select_related = ("user",)
    search_fields = ("email", "user__username")
    fields = ("email", "user", "primary", "verified")

    def has_delete_permission(self, request: HttpRequest, obj: EmailAddress | None = None) -> bool:
        """They serve nothing."""
        return True


admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(ProvenAdmin, ReadOnlyAdmin[models.Model]):
    """Second factors. Deleting one lets somebody in again who has lost the telephone."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = ("type",)
    search_fields = ("user__username",)
    date_hierarchy = "created_at"
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The way back in."""
        return True


# The identity provider is set in the environment and no tokens are kept: these two would only show secrets.
admin.site.unregister([SocialAccount, SocialApp, SocialToken])


@admin.register(SocialAccount)
class SingleSignOnAdmin(ProvenAdmin, ReadOnlyAdmin[models.Model]):
    """Who is whom at the identity provider. After a deletion the next sign-in ties the person anew."""

    list_display = ("user", "provider", "uid", "last_login", "date_joined")
    list_select_related = ("user",)
    list_filter = ("provider",)
    search_fields = ("user__username", "uid")
    date_hierarchy = "date_joined"
    fields = ("user", "provider", "uid", "last_login", "date_joined")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To tie a person to another account there."""
        return True


class KindFilter(admin.SimpleListFilter):
    """By what happened, in words: the column keeps codes without choices, so that old ones stay readable."""

    title = "what happened"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All that there are."""
        return [(str(value), str(label)) for value, label in AccountEvent.Kind.choices]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Those of the kind that was chosen."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(AccountEvent)
class AccountEventAdmin(ReadOnlyAdmin[AccountEvent]):
    """The sign-in log. The page of the portal shows it better; this one is for links from elsewhere."""

    list_display = ("at", "what", "person_name", "factor", "address", "by_name", "detail")
    list_filter = (KindFilter, "factor", "at")
    search_fields = ("person_name", "address", "detail")
    date_hierarchy = "at"
    fields = (
        "at", "what", "person_name", "by_name", "factor", "address", "network", "browser", "detail",
    )  # fmt: skip


@admin.register(BrowserSession)
class BrowserSessionAdmin(ReadOnlyAdmin[BrowserSession]):
    """Who is signed in where. Deleting a row signs that browser out at once."""

    list_display = ("person", "browser", "address", "started_at", "seen_at")
    list_select_related = ("person",)
    search_fields = ("person__username", "address")
    date_hierarchy = "seen_at"
    fields = ("person", "browser", "address", "started_at", "seen_at", "expire_date")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Of people who are signed in; the others' say nothing of anybody."""
        return super().get_queryset(request).exclude(person=None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To sign somebody out."""
        return True


@admin.register(TablePreference)
class TablePreferenceAdmin(ReadOnlyAdmin[TablePreference]):
    """How people like to see the mapping table. Deleting a row gives somebody the usual view back."""

    list_display = ("user", "page_size", "columns")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = ("user", "page_size", "columns")

    def has_delete_permission(self, request: HttpRequest, obj: TablePreference | None = None) -> bool:
        """Nobody's work hangs on it."""
        return True
