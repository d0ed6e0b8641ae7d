"""``manage.py history``: who changed what, newest first."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.forms.history import HistoryForm
from integrations.management.output import (
    WRONG_USE,
    Format,
    add_format,
    chosen_instance,
    with_example,
    write_rows,
)
from integrations.models import Organization
from integrations.services.history import KINDS, DifferenceRenderer, HistoryQuery, chosen_events

COLUMNS = ("at", "who", "origin", "action", "name", "configuration", "batch", "change")


class Command(BaseCommand):
    """Ends with 2 for a name or a day that does not exist."""

    help = (
        "Show the history: who changed what, from where, and what it was before; newest first. "
        "The batch is what the command undo takes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--who", default="", metavar="NAME", help="only what this person or command did")
        parser.add_argument("--what", choices=sorted(KINDS), default="", help="only changes of this kind")
        parser.add_argument("--search", default="", metavar="TEXT", help="a part of a name or an action")
        parser.add_argument("--instance", metavar="NAME", help="only this configuration")
        parser.add_argument("--organization", metavar="NAME", help="only this organization")
        parser.add_argument("--batch", metavar="BATCH", help="only this press of a button")
        parser.add_argument("--since", metavar="DAY", help="from this day on, like 2025-03-31")
        parser.add_argument("--until", metavar="DAY", help="up to the end of this day")
        parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many; 0: all")
        add_format(parser)
        with_example(
            parser, "history --since 2025-03-31 --what mapping", "history --organization Acme --format json"
        )

    def handle(self, **options: Any) -> None:
        """Print one row an event."""
        events = chosen_events(_query(options)).select_related("instance").order_by("-pk")
        if options["limit"] > 0:
            events = events[: options["limit"]]
        listed = list(events)
        words = DifferenceRenderer(listed)
        rows = []
        for event in listed:
            differences = words.differences(event)
            rows.append(
                {
                    "at": event.at.isoformat(timespec="seconds"),
                    "who": event.actor_name,
                    "origin": event.origin,
                    "action": event.action,
                    "name": event.target_name,
                    "configuration": event.instance.name if event.instance else "",
                    "batch": str(event.batch),
                    "change": "; ".join(
                        f"{d.label}: {d.before or '–'} → {d.after or '–'}" for d in differences
                    ),
                    "undoes": str(event.undoes or ""),
                    "event": event.pk,
                }
            )
        write_rows(rows, COLUMNS, Format(options["format"]), self.stdout)


def _query(options: dict[str, Any]) -> HistoryQuery:
    form = HistoryForm({name: options[name] or "" for name in ("batch", "since", "until")})
    form.is_valid()
    for name in ("batch", "since", "until"):
        if options[name] and form.cleaned_data.get(name) is None:
            like = "a batch’s key, as the table shows it" if name == "batch" else "a day like 2025-03-31"
            raise CommandError(
                f"--{name} {options[name]} cannot be read; write {like}.", returncode=WRONG_USE
            )
    return HistoryQuery(
        actor=options["who"],
        kind=options["what"],
        text=options["search"],
        instance=chosen_instance(options["instance"]).pk if options["instance"] else None,
        organization=_organization(options["organization"]) if options["organization"] else None,
        batch=form.cleaned_data.get("batch"),
        since=form.cleaned_data.get("since"),
        until=form.cleaned_data.get("until"),
    )


def _organization(name: str) -> int:
    """The only organization of this name, deleted ones included."""
    keys = list(Organization.objects.filter(name__iexact=name.strip()).values_list("pk", flat=True)[:2])
    if len(keys) != 1:
        several = "Several organizations are" if keys else "No organization is"
        raise CommandError(f"{several} called “{name}”.", returncode=WRONG_USE)
    return keys[0]
