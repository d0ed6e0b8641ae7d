"""What the admin pages share: who may enter, who acts, and links from one row to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from integrations.models import Company
from integrations.psa.registry import PROVIDERS

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Row = TypeVar("Row", bound=models.Model)
NOTHING = "–"


# --- who may enter ----------------------------------------------------------------------------------------


def is_superuser(request: HttpRequest) -> bool:
    """Whether the admin opens for this request: only for an active superuser.

    Django would also let in staff, with the rights of their groups. Those rights are about the portal's own
    pages, where each view knows whose rows it shows; the admin knows no such bounds, so half a right there
    would be a whole one.
    """
    return request.user.is_active and request.user.is_superuser


def no_second_door(request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
    """In the place of Django's sign-in page: people sign in at the portal, with its limits and second factor.

    Without this, a signed-in member of staff could try a superuser's password at ``admin/login/`` as often as
    they liked. Somebody who is not signed in never comes here (portal/urls.py sends them to the sign-in).
    """
    if not is_superuser(request):
        raise PermissionDenied
    return HttpResponseRedirect(reverse("admin:index"))


class Suggestions(AutocompleteJsonView):
    """The answers of the search fields; a company is told apart by its number and its configuration."""

    def serialize_result(self, obj: models.Model, to_field_name: str) -> dict[str, str]:
        answer: dict[str, str] = super().serialize_result(obj, to_field_name)
        if isinstance(obj, Company):
            answer["text"] = company_label(obj)
        return answer


def autocomplete(request: HttpRequest) -> HttpResponseBase:
    """The view that the search fields ask."""
    return Suggestions.as_view(admin_site=admin.site)(request)


admin.site.has_permission = is_superuser  # type: ignore[method-assign]
admin.site.login = no_second_door  # type: ignore[method-assign]
admin.site.autocomplete_view = autocomplete  # type: ignore[assignment, method-assign]
admin.site.site_header = admin.site.site_title = "Integration Portal"
admin.site.index_title = "Repair and oversight"
admin.site.empty_value_display = NOTHING


def user_of(request: HttpRequest) -> User:
    """The superuser behind the request."""
    assert isinstance(request.user, User)  # noqa: S101  # `is_superuser` has seen to it
    return request.user


# --- showing ------------------------------------------------------------------------------------------------


def company_label(company: Company) -> str:
    """A company where those of several configurations stand in one list."""
    return f"{company.name} (id {company.remote_id}, {company.instance.name})"


def link(row: models.Model | None, text: str = "") -> str:
    """A link to the row's admin page."""
    if row is None:
        return NOTHING
    options = row._meta
    address = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, text or str(row))


def list_link(model: type[models.Model], text: StrOrPromise, **conditions: object) -> SafeString:
    """A link to the admin's list of a model, narrowed to the conditions."""
    options = model._meta
    address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', address, urlencode(conditions), text)


def psa_label(key: str) -> str:
    """The name of a kind of PSA; the key itself where this portal does not know it (any more)."""
    return PROVIDERS[key].name if key in PROVIDERS else key


def lines(items: Iterable[object]) -> str:
    """One paragraph an item."""
    return format_html_join("", "<div>{}</div>", ((item,) for item in items)) or NOTHING


def table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> SafeString:
    """A small table of text."""
    head = format_html_join("", "<th>{}</th>", ((cell,) for cell in header))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


# --- kinds of pages -------------------------------------------------------------------------------------


class ConfigurationFilter(admin.RelatedFieldListFilter):
    """By the instance, under the word that the pages use."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "configuration"


class PsaFilter(admin.AllValuesFieldListFilter):
    """By the kind of PSA, under its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "PSA"

    def choices(self, changelist: Any) -> Any:
        """As Django's, with names for keys."""
        for choice in super().choices(changelist):
            yield {**choice, "display": psa_label(str(choice["display"]))}


class PortalAdmin(admin.ModelAdmin[Row]):
    """Rows of the portal: their history is the portal's own, which knows who, from where, and undo."""

    show_full_result_count = False
    list_per_page = 50

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """All rows, under their own name where Django says "Select … to view"."""
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def history_of(self, row: Row) -> Mapping[str, object] | None:
        """What narrows the portal's history to this row; None where it keeps none of it."""
        return None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        context |= {"has_portal_history": True, "portal_history": self._history_address(row)}
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To the portal's history: Django's own knows nothing of what services write."""
        row = self.get_object(request, object_id)
        address = self._history_address(row) if is_superuser(request) else None
        if address is None:
            return super().history_view(request, object_id, extra_context)
        return HttpResponseRedirect(address)

    def _history_address(self, row: Row | None) -> str | None:
        narrowed = None if row is None else self.history_of(row)
        return f"{reverse('integrations:history')}?{urlencode(narrowed)}" if narrowed else None

    @admin.display(description="configuration", ordering="instance__name")
    def configuration(self, row: Any) -> str:
        """To the instance of the row, if it has one."""
        return link(row.instance)

    @admin.display(description="PSA", ordering="psa")
    def psa_name(self, row: Any) -> str:
        """The kind of PSA, by its name."""
        return psa_label(row.psa)


class ReadOnlyAdmin(PortalAdmin[Row]):
    """Rows that nobody types: copies of what the PSA said, jobs, the audit."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


class OutOfForceFilter(admin.SimpleListFilter):
    """Hides what was softly deleted or removed until it is asked for. A subclass names field and words."""

    field: ClassVar[str]
    words: ClassVar[tuple[str, str]]
    title = "in force"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices beside the one that holds when nothing is chosen."""
        return [("no", self.words[1]), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """As Django's, with our own word for "nothing chosen"."""
        for number, choice in enumerate(super().choices(changelist)):
            yield choice if number else {**choice, "display": self.words[0]}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(**{f"{self.field}__isnull": self.value() != "no"})


class DeletedFilter(OutOfForceFilter):
    """For rows that are deleted softly."""

    field = "deleted_at"
    words = ("Not deleted", "Deleted")
    title = "deleted"
    parameter_name = "deleted"


class SoftDeleteAdmin(PortalAdmin[Row]):
    """Rows that change through services and are deleted softly. ``refusals`` are what the services raise."""

    refusals: ClassVar[tuple[type[Exception], ...]]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page; what the service refuses after the form passed was done by somebody in that moment."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except self.refusals:
            text = "Nothing was saved: somebody else changed this in the same moment. Please look again."
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(request.path)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What the confirmation shows. Django would gather every row that hangs on these."""
        shown = [link(row) for row in objs]
        return shown, {str(self.opts.verbose_name_plural): len(shown)}, set(), []
