"""What an event changed, in words: label, before, after. No secret, and nothing that looks like one."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.models import AuditEvent, Company, IntegrationInstance
from integrations.models.alerts import AlertKind
from integrations.models.mappings import MappingSource, in_percent
from integrations.models.review_reasons import ReviewReason
from integrations.models.tokens import Right
from integrations.models.webhooks import WebhookEvent
from integrations.psa.fields import Filter, FilterGroup
from integrations.services.companies.filter_rows import filters_of, is_row
from integrations.services.companies.filters import condition_text
from integrations.services.expectations.terms import in_words, read_expected
from integrations.services.organizations.identifiers import id_label
from integrations.services.organizations.values import LABELS
from portal.time_zone import in_text

NOT_MAPPED = "not mapped"
HIDDEN = "(hidden)"
UNKNOWN_FORM = "kept in a form that this version of the portal does not know"
logger = logging.getLogger(__name__)
# The audit never holds these. Should a mistake ever put one there, no page, file or command shows it.
NEVER_SHOWN = ("secret", "password", "credential", "tracking_identifier", "digest", "token", "signing")

INSTANCE_LABELS = {
    "is_default": "Use as default",
    "zone": "Platform",
    "api_url": "Address",
    "username": "API Username",
    "status": "State",
    "refresh_every_hours": "Refresh every (hours)",
    "catch_all": "Catch-all company (id)",
    "filters": "Company filter",
    "expectations": "Expected",
    "user_field": "Read with each company",
    "instances": "Configurations",
    "prefix": "Begins with",
    "rights": "May read",
    "events": "Told when",
    "expires_at": "Expires",
    "networks": "Only from",
    "for_portal": "Belongs to the portal",
    "reasons": "Because",
    "opened_at": "Since",
    "closed_at": "Over since",
}
SECRET_LABELS = {"secret": "API User Password", "tracking_identifier": "API Tracking Identifier"}
CHOICES: dict[str, dict[str, str]] = {
    name: {str(key): str(label) for key, label in kind.choices}
    for name, kind in {
        "rights": Right,
        "reasons": ReviewReason,
        "events": WebhookEvent,
        "source": MappingSource,
        "status": IntegrationInstance.Status,
        "kind": AlertKind,
    }.items()
}
ONE_OF = ("status", "kind")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Difference:
    """One value before and after; "" where there was or is none."""

    label: str
    before: str
    after: str


class DifferenceRenderer:
    """Tells events in words; knows the names of the companies and configurations that they mention."""

    def __init__(self, events: Iterable[AuditEvent]) -> None:
        companies: set[int] = set()
        filtered: set[int] = set()
        instances: set[int] = set()
        for event in events:
            for state in (event.before, event.after):
                if not isinstance(state, dict):
                    continue
                if event.target_type in ("mapping", "review"):
                    companies.update(_keys([state.get("company")]))
                if event.target_type == "mapping":
                    instances.update(_keys([state.get("instance")]))
                elif event.target_type == "token":
                    instances.update(_keys(state.get("instances")))
                elif "filters" in state and event.instance_id is not None:
                    filtered.add(event.instance_id)
        rows = Company.objects.filter(pk__in=companies).values_list("pk", "name", "remote_id")
        self._companies = {pk: f"{name} (id {remote_id})" for pk, name, remote_id in rows}
        self._filtered = IntegrationInstance.objects.prefetch_related("options").in_bulk(filtered)
        self._instances = dict(IntegrationInstance.objects.filter(pk__in=instances).values_list("pk", "name"))

    def differences(self, event: AuditEvent) -> list[Difference]:
        """What the event changed; empty when it only says that something happened.

        An event that another version or a hand wrote in a form of its own says so, and hides no other one.
        """
        try:
            return self._differences(event)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            logger.warning("Event %s of the history cannot be told in words: %r", event.pk, type(error))
            return [Difference("Change", "", UNKNOWN_FORM)]

    def _differences(self, event: AuditEvent) -> list[Difference]:
        before, after = event.before or {}, event.after or {}
        if event.target_type == "mapping":
            return self._mapping(before, after)
        if event.target_type == "review":
            company = Difference("Company", "", self._company(after))  # the same before and after
            was, now = (_reviews(state.get("reasons")) for state in (before, after))
            return [company, *_changed("Because", was, now)]
        if event.target_type == "review_case":
            put_off = _changed("Put off since", before.get("ignored_at"), after.get("ignored_at"))
            return [*put_off, *_changed("Given to", before.get("person"), after.get("person"))]
        if event.target_type == "alert":  # where it leads is the address of a page
            before, after = ({k: v for k, v in each.items() if k != "path"} for each in (before, after))
        if event.target_type == "organization" and event.instance_id is not None:
            return _changed("Company", before.get("company_name"), after.get("company_name"))
        found: list[Difference] = []
        for name in before | after:
            if name == "secrets_set":
                found += _secrets(before.get(name) or {}, after.get(name) or {})
            elif name == "merged_into":
                found += _changed("Merged into", "", before.get(name))
            elif any(word in name.lower() for word in NEVER_SHOWN):
                if before.get(name) != after.get(name):
                    found.append(Difference(_label(name), HIDDEN, HIDDEN))
            else:
                old, new = (self._told(event, name, state.get(name)) for state in (before, after))
                found += _changed(_label(name), old, new)
        return found

    def _told(self, event: AuditEvent, name: str, value: object) -> object:
        """Numbers and keys by the names that people chose from; anything else as it is."""
        if name == "expectations" and isinstance(value, dict):
            return in_words(read_expected(value))
        if not isinstance(value, list):
            return CHOICES.get(name, {}).get(str(value), value) if name in ONE_OF else value
        instance = self._filtered.get(event.instance_id or 0)
        if name == "filters" and instance is not None and all(map(is_row, value)):
            return "; ".join(condition_text(instance, filters_of(value)))
        if name == "instances" and event.target_type == "token":
            return [self._instances.get(pk, f"configuration {pk}") for pk in value]
        return [CHOICES.get(name, {}).get(str(part), part) for part in value]

    def _mapping(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
        was, now = ({} if state.get("removed") else state for state in (before, after))
        found = _changed("Company", self._company(was), self._company(now))
        if was and now:
            found += _changed("Configuration", self._instance(was), self._instance(now))
        for label, tell in MAPPING_VALUES.items():
            found += _changed(label, tell(was), tell(now))
        if was and now:
            found += _changed("Confirmed name", was.get("confirmed_name"), now.get("confirmed_name"))
            found += _changed("Kept although", _kept(was), _kept(now))
        return found

    def _company(self, state: Mapping[str, Any]) -> str:
        if not state:
            return NOT_MAPPED
        known = self._companies.get(state["company"], "")
        name = state.get("company_name") or state.get("confirmed_name") or ""
        if known and name and not known.startswith(f"{name} (id "):
            return f"{name}, now {known}"
        return known or name or f"company {state['company']}"

    def _instance(self, state: Mapping[str, Any]) -> str:
        return self._instances.get(state["instance"], f"configuration {state['instance']}")


def _kept(state: Mapping[str, Any]) -> str:
    """The reasons for a review that a mapping was kept in spite of, in words."""
    names = str(state.get("kept_despite") or "").split()
    return "; ".join(reason.label.lower() for reason in ReviewReason if reason.warning in names)


def _keys(values: object) -> set[int]:
    """The primary keys among the values; whatever else stands there is none of ours."""
    found = values if isinstance(values, list) else []
    return {each for each in found if isinstance(each, int) and 0 < each < 2**63}


def _changed(label: str, before: object, after: object) -> list[Difference]:
    old, new = _text(before), _text(after)
    return [Difference(label, old, new)] if old != new else []


def _secrets(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """When a secret was set and by whom is all that anybody learns of it."""
    found: list[Difference] = []
    for name in sorted({*before, *after}):
        label = SECRET_LABELS.get(name, _label(name))
        found += _changed(label, *(_set(state.get(name)) for state in (before, after)))
    return found


def _set(note: Mapping[str, Any] | None) -> str:
    if not note:
        return ""
    at = _moment(str(note.get("at")), otherwise="an unknown day")
    return f"set {at} by {note.get('by', '')}"


def _moment(text: str, otherwise: str) -> str:
    """A moment within a text; ``otherwise`` when it is none."""
    try:
        return in_text(dt.datetime.fromisoformat(text))
    except ValueError:
        return otherwise


def _label(name: str) -> str:
    label = INSTANCE_LABELS.get(name) or LABELS.get(name) or id_label(name) or name.replace("_", " ")
    return label[:1].upper() + label[1:]


def _reviews(reasons: Iterable[str] | None) -> list[str]:
    return [CHOICES["reasons"].get(reason, reason) for reason in reasons or ()]


# What is told of a mapping beside its company, by label.
MAPPING_VALUES: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "How": lambda state: CHOICES["source"].get(state.get("source", "")),
    "Confidence": lambda state: None if state.get("confidence") is None else in_percent(state["confidence"]),
    "Because": lambda state: "; ".join(map(str, state.get("reasons") or ())),
}


def _text(value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return _moment(value, otherwise=value) if MOMENT.fullmatch(value) else value
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    if isinstance(value, list) and all(map(is_row, value)):
        return "; ".join(map(_filter_words, filters_of(value)))
    return json.dumps(value, ensure_ascii=False)


def _filter_words(each: Filter) -> str:
    """A filter of a configuration that is not known any more, in the PSA's own words."""
    if isinstance(each, FilterGroup):
        return " or ".join(map(_filter_words, each.items))
    values = each.value if isinstance(each.value, tuple) else (each.value,)
    said = ", ".join(str(value) for value in values if value is not None)
    return " ".join(filter(None, (each.field, each.operation, said)))
