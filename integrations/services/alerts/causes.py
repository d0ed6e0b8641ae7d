"""What people are to be told of: the causes that stand now, and what happened and was not told yet.

Everything is read from the state of the portal and compared with the alerts that there are. Nobody who
changes that state has to think of alerts, and whenever a worker is killed, the next look finds what is
missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F, Max
from django.urls import reverse

from integrations.files.text import clean_text
from integrations.models import (
    AccountEvent,
    Alert,
    AlertKind,
    ApiToken,
    AuditEvent,
    Expectation,
    ExpectationKind,
    HeldRefresh,
    ImportReport,
    IntegrationInstance,
    Job,
    Occurrence,
    Organization,
    OrganizationMapping,
    Webhook,
)
from integrations.models.audit import Action
from integrations.services.drift import open_mappings
from integrations.services.webhooks.edit import old_key_ends
from portal.sentences import one_stop
from portal.time_zone import in_text

LOOKS_BACK = dt.timedelta(days=7)  # for what happened while no worker was there
NEW_FOR = dt.timedelta(days=30)  # an organization
MAPPED_BY_THEN = dt.timedelta(minutes=10)  # who adds organizations may be about to map them
OLD_KEY_TOLD_BEFORE = dt.timedelta(hours=12)
NAMES_TOLD = 5
WAITS = "a refresh waits for you"
Status = IntegrationInstance.Status


@dataclass(frozen=True)
class Cause:
    """Something to tell people. ``key`` is the same as long as it is the same; the rest as in ``Alert``."""

    kind: AlertKind
    key: str
    title: str
    text: str
    path: str
    instance: IntegrationInstance | None = None
    person_id: int | None = None
    organizations: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", one_stop(self.text))


def standing_causes(now: dt.datetime) -> list[Cause]:
    """Every state that people are told of as long as it stands, but for unmapped organizations."""
    return [*_instances(), *_held(), *_expectations(now), *_tokens(), *_old_keys(now)]


def _instances() -> Iterator[Cause]:
    troubled = models.Q(status=Status.REFUSED) | models.Q(failed_reads__gte=2)
    for instance in IntegrationInstance.objects.present().filter(troubled).order_by("pk"):
        name = _name(instance)
        if instance.status == Status.REFUSED:
            yield Cause(
                AlertKind.CREDENTIALS_REFUSED,
                f"credentials:{instance.pk}",
                f"{name}: the credentials are refused",
                "Autotask no longer accepts the API user. The portal has stopped asking, so that the user is "
                "not locked. Enter new credentials on the setup page, or press Try once more there.",
                instance.get_absolute_url(),
                instance,
            )
        if instance.failed_reads >= 2:
            yield Cause(
                AlertKind.REFRESH_FAILED,
                f"refresh:{instance.pk}",
                f"{name}: the refresh failed {instance.failed_reads} times in a row",
                f"{_last_failure(instance)} {_so_often(instance)}Companies are as the last good refresh saw "
                "them.".strip(),
                instance.get_absolute_url(),
                instance,
            )


def _so_often(instance: IntegrationInstance) -> str:
    """How often it has failed, where that is more than the title of its alert says."""
    more = instance.failed_reads > 2
    return f"It has failed {instance.failed_reads} times in a row by now. " if more else ""


def _held() -> Iterator[Cause]:
    """Results of refreshes that wait for a person, whatever else is broken there already.

    Who leaves one has seen it; what is added to it after that waits anew, and is told anew.
    """
    waiting = HeldRefresh.objects.filter(left_at=None, instance__deleted_at=None)
    for held in waiting.select_related("instance").order_by("instance"):
        instance = held.instance
        left = AuditEvent.objects.of(Action.HELD_LEFT).filter(instance=instance).aggregate(last=Max("pk"))
        reasons = " ".join(each["text"] for each in held.reasons)
        yield Cause(
            AlertKind.EXPECTATION_BROKEN,
            f"held:{instance.pk}:{left['last'] or 0}",
            f"{_name(instance)}: {WAITS}",
            f"{clean_text(reasons)} The result waits for a person. See what would go, then take or leave it.",
            reverse("integrations:held", args=[instance.psa, instance.pk]),
            instance,
        )


def _expectations(now: dt.datetime) -> Iterator[Cause]:
    """What is expected and is not so, as it was noted. Refused credentials are told above, once.

    So is what is broken by nothing but a result that waits; what was broken before that, stays told.
    """
    waiting = dict(HeldRefresh.objects.filter(left_at=None).values_list("instance", "at"))
    broken = Expectation.objects.filter(broken_since__isnull=False, instance__deleted_at=None)
    broken = broken.exclude(state=Expectation.State.BRAKES, broken_since=F("since"))
    for row in broken.exclude(kind=ExpectationKind.CREDENTIALS).select_related("instance").order_by("pk"):
        instance = row.instance
        key = f"expectation:{instance.pk}:{row.kind}"
        if row.state == Expectation.State.UNKNOWN and not _is_open(key):
            continue  # not knowing ends no alert, and begins none
        if _waits_only(row, waiting.get(instance.pk), now) and not _is_open(key):
            continue
        yield Cause(
            AlertKind.EXPECTATION_BROKEN,
            key,
            f"{_name(instance)}: an expectation is broken",
            f"Expected: {row.sentence}. {clean_text(row.text)}",
            reverse("integrations:expectations", args=[instance.psa, instance.pk]),
            instance,
        )


def _waits_only(row: Expectation, read_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether companies are read as often as is expected, and only their result waits for a person."""
    in_time = read_at is not None and now - read_at <= dt.timedelta(hours=row.limit)
    return row.kind == ExpectationKind.REFRESHED and in_time


def _is_open(cause: str) -> bool:
    return Alert.objects.filter(cause=cause, closed_at=None).exists()


def _name(row: IntegrationInstance | Organization | ApiToken | Webhook) -> str:
    """The name in one visible line; its number where nothing of the name is visible."""
    return clean_text(row.name) or f"Number {row.pk}"


def _last_failure(instance: IntegrationInstance) -> str:
    """What people were told of the last refresh that failed."""
    failed = Job.objects.filter(
        instance=instance, kind=Job.Kind.REFRESH_OPTIONS, state=Job.State.FAILED
    ).order_by("-pk")
    return clean_text(failed.values_list("error", flat=True).first() or "")[:500]


def _tokens() -> Iterator[Cause]:
    for token in ApiToken.objects.ending_soon():
        yield Cause(
            AlertKind.KEY_ENDING,
            f"token:{token.pk}:{token.expires_at:%Y-%m-%d}",
            f"The API token “{_name(token)}” ends on {in_text(token.expires_at)}",
            f"The program that uses it ({token.prefix}…) is refused from then on. Make a new token and give "
            "it to the program.",
            reverse("integrations:tokens"),
        )


def _old_keys(now: dt.datetime) -> Iterator[Cause]:
    """Signing keys of webhooks that were replaced and sign beside the new one for some hours more."""
    for webhook in Webhook.objects.filter(is_active=True):
        ends = old_key_ends(webhook)
        if ends is not None and ends - now <= OLD_KEY_TOLD_BEFORE:
            yield Cause(
                AlertKind.KEY_ENDING,
                f"webhook_key:{webhook.pk}:{ends:%Y-%m-%dT%H}",
                f"The old signing key of the webhook “{_name(webhook)}” ends soon",
                f"It signs until {in_text(ends)}. From then on its receiver has to check with the new key.",
                webhook.get_absolute_url(),
            )


# --- organizations without a mapping ------------------------------------------------------------------


def unmapped_causes(now: dt.datetime) -> list[Cause]:
    """New organizations without a mapping that nobody was told of, those of one PSA together."""
    read = IntegrationInstance.objects.present().exclude(last_refreshed_at=None)
    found = []
    for psa in read.order_by("psa").values_list("psa", flat=True).distinct():
        rows = list(_untold_organizations(psa, now).order_by("pk").values_list("pk", "name"))
        if rows:
            found.append(_unmapped(psa, rows, list(read.filter(psa=psa)[:2])))
    return found


def _untold_organizations(psa: str, now: dt.datetime) -> models.QuerySet[Organization]:
    since = max(now - NEW_FOR, _installed_at() or now - NEW_FOR)
    told = Alert.objects.filter(
        organizations=models.OuterRef("pk"), kind=AlertKind.ORGANIZATION_UNMAPPED, cause__startswith=_of(psa)
    )
    new = Organization.objects.unmapped_in(psa).filter(
        created_at__gt=since, created_at__lte=now - MAPPED_BY_THEN
    )
    # Whoever took a mapping off knows of it, and the organization has been seen since it was added.
    unmapped = OrganizationMapping.objects.filter(organization=models.OuterRef("pk"), psa=psa)
    return new.exclude(models.Exists(told)).exclude(models.Exists(unmapped))


def _unmapped(psa: str, rows: list[tuple[int, str]], instances: list[IntegrationInstance]) -> Cause:
    names = [clean_text(name) or f"Number {pk}" for pk, name in rows[:NAMES_TOLD]]
    more = len(rows) - len(names)
    listed = ", ".join(names) + (f" and {more:,} more" if more else "")
    them = "it" if len(rows) == 1 else "them"
    title = (
        f"{names[0]} is new and has no mapping"
        if len(rows) == 1
        else f"{len(rows):,} new organizations have no mapping"
    )
    return Cause(
        AlertKind.ORGANIZATION_UNMAPPED,
        f"{_of(psa)}{max(pk for pk, _ in rows)}",
        title,
        f"{listed}. Map or ignore {them}; other tools find no company for {them} until then.",
        instances[0].get_absolute_url(),
        instances[0] if len(instances) == 1 else None,
        organizations=tuple(pk for pk, _ in rows),
    )


def _of(psa: str) -> str:
    return f"unmapped:{psa}:"


def is_settled(alert: Alert) -> bool:
    """Whether none of the organizations that the alert told of is without a mapping any more.

    So it is, too, where no configuration is left in which they could have one.
    """
    psa = alert.cause.split(":")[1]
    if not IntegrationInstance.objects.present().filter(psa=psa).exists():
        return True
    return not Organization.objects.unmapped_in(psa).filter(alerts=alert).exists()


# --- what happened ------------------------------------------------------------------------------------


def untold_moments(now: dt.datetime) -> list[Cause]:
    """What happened within a week, since the portal knows alerts, and has no alert yet."""
    since = max(now - LOOKS_BACK, _installed_at() or now - LOOKS_BACK)
    found = [*_drift(since), *_imports(since), *_new_places(since)]
    if not found:
        return []
    told = set(Alert.objects.filter(cause__in=[each.key for each in found]).values_list("cause", flat=True))
    return [each for each in found if each.key not in told]


def _drift(since: dt.datetime) -> Iterator[Cause]:
    """What refreshes found, as services/drift noted it, once a refresh."""
    noted = Occurrence.objects.filter(kind=Occurrence.Kind.DRIFT_FOUND, at__gt=since)
    for occurrence in noted.filter(instance__deleted_at=None).select_related("instance").order_by("pk"):
        instance = occurrence.instance
        yield Cause(
            AlertKind.DRIFT_FOUND,
            f"drift:{occurrence.pk}",
            f"{_name(instance)}: the refresh found mappings to look at",
            clean_text(occurrence.text),
            _refresh_path(occurrence, instance),
            instance,
        )


def is_past(alert: Alert, *, later: bool) -> bool:
    """Whether what was found is nothing to look at any more: its configuration was deleted.

    Or nothing is left in its inbox, where it is told ``later`` than at once.
    """
    if alert.known_kind is not AlertKind.DRIFT_FOUND or alert.instance is None:
        return False
    if alert.instance.is_deleted:
        return True
    return later and not open_mappings(IntegrationInstance.objects.filter(pk=alert.instance.pk)).exists()


def _refresh_path(occurrence: Occurrence, instance: IntegrationInstance) -> str:
    """The page of what the refresh changed; the inbox where the occurrence does not say which it was."""
    refresh = occurrence.details.get("refresh")
    if isinstance(refresh, int):
        return reverse("integrations:refresh_summary", args=[refresh])
    return f"{reverse('integrations:drift')}?instance={instance.pk}"


def _imports(since: dt.datetime) -> Iterator[Cause]:
    verdicts = ImportReport.Verdict
    ended = ImportReport.objects.exclude(verdict__in=[verdicts.RUNNING, verdicts.CHECKED]).filter(
        at__gt=since
    )
    in_background = ended.filter(models.Exists(Job.objects.filter(key=models.OuterRef("key"))))
    for report in in_background.select_related("instance").order_by("pk"):
        of = clean_text(report.file_name) or report.get_kind_display()
        yield Cause(
            AlertKind.IMPORT_FINISHED,
            f"import:{report.key}",
            f"Import of {of}: {report.get_verdict_display().lower()}"[:300],
            f"{clean_text(report.sentence)[:500]} Started by {clean_text(report.actor_name)}.".strip(),
            reverse("integrations:import_report", args=[report.key]),
            report.instance,
        )


def _new_places(since: dt.datetime) -> Iterator[Cause]:
    events = AccountEvent.objects.filter(kind=AccountEvent.Kind.NEW_PLACE, at__gt=since, person__isnull=False)
    for event in events.order_by("pk"):
        browser = clean_text(event.browser) or "an unknown browser"
        yield Cause(
            AlertKind.NEW_PLACE,
            f"new_place:{event.pk}",
            "Your account signed in from a new place",
            f"{in_text(event.at)}, from {clean_text(event.address)}, with {browser}. If that was not you: "
            "change your password, sign out elsewhere and tell whoever runs the portal.",
            reverse("account_log"),
            person_id=event.person_id,
        )


def _installed_at() -> dt.datetime | None:
    """Since when this portal knows alerts: what is older than that is no news. None where nobody knows."""
    applied = MigrationRecorder.Migration.objects.filter(app="integrations", name__endswith="_alerts")
    return applied.values_list("applied", flat=True).first()
