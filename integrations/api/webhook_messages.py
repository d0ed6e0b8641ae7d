"""What webhooks are sent, for the description: one entry per event, with the headers that sign it."""

from __future__ import annotations

import datetime as dt
from typing import Any, Generic, TypeVar
from uuid import UUID

from ninja import Schema
from pydantic import Field
from pydantic.json_schema import models_json_schema

from integrations.models import Expectation, ExpectationKind, WebhookEvent

Told = TypeVar("Told")


class MappedPlace(Schema):
    """Where an organization is mapped, in a message."""

    instance_id: int
    instance_name: str
    psa: str
    company_id: str = Field(description="The PSA's own id.")
    company_name: str


class MappingChangeTold(Schema):
    """One change; before or after is null where the organization was not mapped."""

    position: int = Field(description="Grows; tells the order in which changes were made.")
    at: dt.datetime
    action: str
    batch: str
    organization_id: int
    organization_name: str
    external_id: str
    before: MappedPlace | None
    after: MappedPlace | None


class ReviewTold(Schema):
    """A mapping that needs review, with the reasons; none where it no longer does."""

    position: int
    at: dt.datetime
    action: str
    organization_id: int
    organization_name: str
    external_id: str
    instance_id: int | None
    instance_name: str
    company_id: str
    company_name: str
    reasons: list[str]


class AlertTold(Schema):
    """An alert that begins, or (closed_at is set) is over; a moment, like an import, is both at once."""

    position: int
    at: dt.datetime
    action: str
    alert_id: UUID = Field(description="The same when it begins and when it is over.")
    kind: str = Field(description="For example credentials.refused or refresh.failed.")
    title: str
    text: str
    url: str = Field(description="Where in the portal to look; empty where PORTAL_URL is not set.")
    instance_id: int | None
    instance_name: str
    opened_at: dt.datetime
    closed_at: dt.datetime | None


class ExpectationTold(Schema):
    """An expectation that is broken from now on, or holds again or is given up (state unknown)."""

    position: int
    at: dt.datetime
    action: str
    title: str = Field(description="What is expected, in words.")
    expectation: ExpectationKind
    effect: Expectation.Effect = Field(description="What is done when it is broken.")
    limit: int | None = Field(description="Percent, rows or hours, as its kind has it.")
    days: int | None = Field(description="For unmapped: longer than so many days.")
    state: Expectation.State = Field(description="“brakes”: the result of a refresh waits for a person.")
    since: dt.datetime | None
    text: str
    instance_id: int | None
    instance_name: str


class Message(Schema, Generic[Told]):
    """One message: what one press of a button did, at most a hundred changes."""

    id: UUID = Field(description="The same in every attempt; so is the header webhook-id.")
    type: str
    timestamp: dt.datetime
    event: str = Field(description="As type, for one version more.")
    created_at: dt.datetime = Field(description="As timestamp, for one version more.")
    batch: str
    changes: list[Told]


class MappingChangedMessage(Message[MappingChangeTold]):
    """Mappings were made, changed, moved or removed."""


class MappingReviewMessage(Message[ReviewTold]):
    """Mappings need review, or no longer do."""


class ExpectationChangedMessage(Message[ExpectationTold]):
    """Expectations are broken, or hold again."""


class AlertChangedMessage(Message[AlertTold]):
    """Alerts begin, or are over."""


MESSAGES: dict[WebhookEvent, type[Schema]] = {
    WebhookEvent.MAPPING_CHANGED: MappingChangedMessage,
    WebhookEvent.MAPPING_REVIEW: MappingReviewMessage,
    WebhookEvent.EXPECTATION_CHANGED: ExpectationChangedMessage,
    WebhookEvent.ALERT_CHANGED: AlertChangedMessage,
}
_HEADERS = {
    "webhook-id": "The message's id.",
    "webhook-timestamp": "Seconds since 1970, when this attempt was made.",
    "webhook-signature": "One or more of v1,BASE64, apart by a space (Standard Webhooks).",
}


def described_webhooks() -> tuple[dict[str, Any], dict[str, Any]]:
    """The description's ``webhooks``, and the schemas that they refer to."""
    _, definitions = models_json_schema(
        [(model, "serialization") for model in MESSAGES.values()], ref_template="#/components/schemas/{model}"
    )
    webhooks = {event.value: {"post": _operation(event, model)} for event, model in MESSAGES.items()}
    return webhooks, definitions["$defs"]


def _operation(event: WebhookEvent, model: type[Schema]) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {
        "summary": event.label,
        "description": "Sent to every active webhook that asked for it, until it is answered with a 2xx.",
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": reference}}},
        "responses": {"2XX": {"description": "Taken."}},
    }
