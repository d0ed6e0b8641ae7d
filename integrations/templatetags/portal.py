"""Small words that the portal's templates need."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from integrations.models import IntegrationInstance
from integrations.models.mappings import in_percent
from integrations.psa.registry import provider_for
from portal import logs
from portal.sentences import one_stop
from portal.time_zone import pieces

register = template.Library()
# What the navigation has no entry for, and the entry (the first part of its address) that leads there.
BELOW = {
    "integrations": "", "configurations": "", "imports": "organizations", "sources": "organizations",
    "undo": "history", "api": "tokens",
}  # fmt: skip
INDENTATION = re.compile(r"\n\s+")
# What browsers say of themselves; each claims to be those after it as well.
BROWSERS = tuple(
    (name, re.compile(sign))
    for name, sign in (
        ("Edge", r"Edg(?:e|A|iOS)?/(\d+)"), ("Opera", r"OPR/(\d+)"), ("Samsung", r"SamsungBrowser/(\d+)"),
        ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"), ("Chrome", r"(?:Chrome|CriOS)/(\d+)"),
        ("Safari", r"Version/(\d+)[\d.]* (?:Mobile/\w+ )?Safari/"),
    )
)  # fmt: skip
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows NT"),
    ("macOS", "Macintosh"), ("ChromeOS", "CrOS"), ("Linux", "Linux"),
)  # fmt: skip
# From the longest; a month and a year are near enough when nobody counts days any more.
UNITS = ((31_557_600, "year"), (2_629_800, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


@register.filter
def percent(share: float | None) -> str:
    """A share from 0 to 1 as whole percents; "" for None."""
    return "" if share is None else in_percent(share)


@register.filter
def browser_name(agent: str) -> str:
    """A browser and its system as people call them ("Firefox 140 on Linux"); what is no browser as it is."""
    name = next((f"{name} {found[1]}" for name, sign in BROWSERS if (found := sign.search(agent))), "")
    system = next((name for name, sign in SYSTEMS if sign in agent), "")
    return f"{name} on {system}" if name and system else name or agent


@register.filter
def factor_name(kind: str) -> str:
    """What a second factor of this kind is called on every page."""
    return {"totp": "Authenticator app", "webauthn": "Passkey", "recovery_codes": "Recovery codes"}.get(
        kind, kind
    )


@register.filter
def zone_words(name: str) -> str:
    """The name of a time zone as it is said: "America/New_York" is New York."""
    return name if "/" not in name else name.rsplit("/", 1)[1].replace("_", " ")


@register.filter
def label_of(labels: Mapping[str, str], value: object) -> str:
    """The label of a value, or the value itself."""
    return labels.get(str(value), str(value))


@register.filter
def duration(length: dt.timedelta | None) -> str:
    """A length of time in two words at most: "45 s", "3 min", "2 h 5 min"."""
    if length is None:
        return ""
    seconds = round(length.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


@register.filter
def ago(moment: dt.datetime | None) -> str:
    """How far away a moment is, in its largest unit: "just now", "3 minutes ago", "in 2 hours"."""
    if moment is None:
        return ""
    seconds = (timezone.now() - moment).total_seconds()
    size, unit = next(((size, unit) for size, unit in UNITS if abs(seconds) >= size), (0, ""))
    if not size:
        return "just now" if seconds >= 0 else "in a moment"
    number = int(abs(seconds) // size)
    words = f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{words} ago" if seconds >= 0 else f"in {words}"


@register.filter(expects_localtime=True)
def moment(value: dt.datetime | None) -> str:
    """A moment as every page shows it: by the person's clock, in ``<time>``; "" for None."""
    return _time(value, "%Y-%m-%d %H:%M")


@register.filter(expects_localtime=True)
def exact_moment(value: dt.datetime | None) -> str:
    """A moment to the second, where several fall into one minute."""
    return _time(value, "%Y-%m-%d %H:%M:%S")


@register.filter(expects_localtime=True)
def day(value: dt.date | None) -> str:
    """The day of a moment by the person's calendar, or a day as it is."""
    return _time(value, "%Y-%m-%d")


@register.filter(expects_localtime=True)
def since(value: dt.datetime | None) -> str:
    """How far away a moment is (`ago`); the moment itself when the pointer rests on it."""
    if value is None:
        return ""
    return _since(value.isoformat(), f"{value:%Y-%m-%d %H:%M}", ago(value))


@lru_cache(maxsize=1024)
def _since(exact: str, at: str, words: str) -> SafeString:
    """Drawn once for the rows of a page that began together, as with one refresh."""
    return format_html('<time datetime="{}" title="{}">{}</time>', exact, at, words)


@register.filter
def with_times(sentence: object) -> str:
    """A sentence that was kept, with its moments (`portal.time_zone.in_text`) by the person's clock.

    One that closes with a name that brings its own full stop has one.
    """
    text = one_stop(str(sentence))
    told = [each if isinstance(each, str) else moment(timezone.localtime(each)) for each in pieces(text)]
    return format_html_join("", "{}", ((each,) for each in told)) if len(told) > 1 else text


def _time(value: dt.date | None, form: str) -> str:
    if value is None:
        return ""
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), value.strftime(form))


@register.simple_tag(takes_context=True)
def at(context: Mapping[str, Any], address: str) -> str:
    """``aria-current`` for an entry of the navigation: its own page, or the place in which a page lies."""
    request = context.get("request")
    if request is None or not address:
        return ""
    if request.path == address:
        return format_html(' aria-current="{}"', "page")
    return format_html(' aria-current="{}"', "true") if _place(request.path) == _place(address) else ""


def _place(path: str) -> str:
    """The entry of the navigation under which an address is found, by the address itself."""
    parts = path.removeprefix(get_script_prefix().rstrip("/")).strip("/").split("/")
    if parts[0] == "accounts" or parts[:2] == ["people", "log"]:
        return "/".join(parts[:2])
    return BELOW.get(parts[0], parts[0])


@dataclass(frozen=True)
class TopbarFor:
    """Whom the bar is drawn for, and where: whoever sees the same shares it."""

    username: str
    full_name: str
    is_superuser: bool
    has_password: bool
    rights: frozenset[str]
    path: str
    prefix: str


TOPBAR_RIGHTS = (
    "view_apitoken", "view_auditevent", "view_integrationinstance",
    "view_job", "view_organization", "view_webhook",
)  # fmt: skip


@register.simple_tag(takes_context=True)
def topbar(context: Mapping[str, Any]) -> SafeString:
    """includes/topbar.html: the name of the product; for who is signed in the navigation and the own menu.

    Drawn for every look it is a fifth of what a small page costs (1 of 5 ms).
    """
    user = context.get("user")
    if user is None or not user.is_authenticated:
        return _drawn_topbar(None)
    prefix = get_script_prefix()
    parts = context["request"].path.removeprefix(prefix.rstrip("/")).strip("/").split("/")
    path = "/".join([*parts[:2], "-"] if len(parts) > 2 else parts)  # further down it is the same everywhere
    seen = TopbarFor(
        user.get_username(), user.get_full_name(), user.is_superuser, user.has_usable_password(),
        frozenset(right for right in TOPBAR_RIGHTS if user.has_perm(f"integrations.{right}")),
        f"{prefix}{path}/" if path else prefix, prefix,
    )  # fmt: skip
    return _filled(_drawn_topbar(seen), token=context["csrf_token"])


@lru_cache(maxsize=256)
def _drawn_topbar(seen: TopbarFor | None) -> SafeString:
    """The bar, drawn once for all who see the same at one place (some 7 kB each)."""
    return unindented(render_to_string("includes/topbar.html", {"seen": seen, "request": seen}))


@register.simple_tag
def request_id() -> str:
    """The id of the present request, under which the log has it; "" outside one."""
    known = logs.request_id.get()
    return "" if known == logs.NO_REQUEST else known


@register.simple_tag
def company_address(instance: IntegrationInstance, remote_id: str) -> str:
    """Where the PSA itself shows a company; "" when that is not known."""
    return provider_for(instance.psa).company_address(instance.web_url, remote_id)


@register.simple_tag
def offers_undo(messages: Iterable[Message] | None) -> bool:
    """Whether one of the messages carries Undo: what can be taken back is then offered already."""
    return any((message.extra_tags or "").startswith("undo:") for message in messages or ())


@register.filter
def action_words(action: str) -> str:
    """An audit's action as people read it: what the code calls an instance is a configuration to them."""
    return action.replace("instance", "configuration")


@register.simple_tag
@cache
def icon(name: str, spoken: str = "") -> SafeString:
    """includes/icon.html, drawn once; a page has dozens. ``spoken`` is what a screen reader says."""
    return render_to_string("includes/icon.html", {"name": name, "spoken": spoken})


@register.simple_tag
@cache
def state_badge(state: str) -> SafeString:
    """includes/state_badge.html, drawn once for each of the few states and not once a row."""
    return render_to_string("includes/state_badge.html", {"state": state})


@register.simple_tag
@lru_cache(maxsize=1024)
def confidence(share: float, tier: str) -> SafeString:
    """includes/confidence.html, drawn once for each share and tier and not once a row."""
    return render_to_string("includes/confidence.html", {"confidence": share, "tier": tier})


@register.inclusion_tag("integrations/mapping/sorted_head.html")
def sorted_head(label: str, link: tuple[str, str], css: str) -> dict[str, str]:
    """A column's head that sorts by it: its label, (address, aria-sort or "") and class."""
    address, direction = link
    return {"label": label, "address": address, "direction": direction, "css": css}


@register.filter(is_safe=True)
def unindented(html: str) -> SafeString:
    """The markup without the indentation of its templates: a fifth of the bytes of a table.

    Only for markup without preformatted text. Text from elsewhere is escaped already and has no line breaks.
    """
    return mark_safe(INDENTATION.sub("\n", html))  # noqa: S308  # what comes in is markup already


def _filled(drawn: str, **values: object) -> SafeString:
    """What was drawn once for all, with each value of this page in the place of ``<its name>``.

    Text from elsewhere is escaped, so it has no bare "<" and cannot be taken for such a place.
    """
    for name, value in values.items():
        drawn = drawn.replace(f"<{name}>", escape(value))
    return unindented(drawn)


@register.simple_tag
def mapping_rows(rows: Iterable[Hashable], frame: Any) -> SafeString:
    """Each row as integrations/mapping/row.html, with the links that lead back to this place.

    ``rows`` and ``frame`` are ShownRows and the RowFrame of views/mapping_table.py.
    """
    drawn = "".join(_drawn_row(row, frame) for row in rows)
    return _filled(drawn, chosen=frame.chosen, place=frame.place)


@lru_cache(maxsize=4096)
def _drawn_row(row: Hashable, frame: Hashable) -> str:
    """A row, drawn once for all who see the same (some 10 MB when all are kept)."""
    return unindented(render_to_string("integrations/mapping/row.html", {"row": row, "frame": frame}))


@register.simple_tag
@lru_cache(maxsize=2048)
def inbox_row(row: Hashable, since: SafeString) -> SafeString:
    """integrations/drift/row.html, drawn once for all who see the same; ``row`` is a ShownCase."""
    return unindented(render_to_string("integrations/drift/row.html", {"row": row, "since": since}))
