"""Configurations: connected, described, scheduled, deleted."""

from __future__ import annotations

from integrations.services.instances.catch_all import NotUsable, set_catch_all
from integrations.services.instances.check import check_connection, report_as_json, who_can_mend
from integrations.services.instances.connect import ConnectionDetails, NameTaken, connect_instance
from integrations.services.instances.delete import (
    RESTORABLE_FOR,
    NotRestorable,
    delete_instance,
    restore_instance,
)
from integrations.services.instances.describe import InstanceDetails, describe_instance
from integrations.services.instances.overview import first_steps, instance_cards
from integrations.services.instances.schedule import LONGEST_INTERVAL, save_schedule, start_due_runs

__all__ = [
    "LONGEST_INTERVAL", "RESTORABLE_FOR", "ConnectionDetails", "InstanceDetails", "NameTaken",
    "NotRestorable", "NotUsable", "check_connection", "connect_instance", "delete_instance",
    "describe_instance", "first_steps", "instance_cards", "report_as_json", "restore_instance",
    "save_schedule", "set_catch_all", "start_due_runs", "who_can_mend",
]  # fmt: skip
