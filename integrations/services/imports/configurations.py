"""Importing configurations: instances with their filters and schedules, by name.

Secrets are never in the file. Those that are given beside it are checked with the PSA before anything is
stored, as the connection form does it; a new configuration without them is stored as not verified. First all
rows are checked, without asking anybody; then one configuration after the other is written. All of it is one
batch, which undo takes back, except for replaced credentials: nothing keeps the old ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from django.views.decorators.debug import sensitive_variables

from integrations.files.formulas import unescape_formula
from integrations.files.json_reader import json_value
from integrations.files.named_rows import LIKE_FORMULA, FileRow, open_named_rows
from integrations.files.shape import ImportRefused
from integrations.files.text import clean_text, whole_number
from integrations.models import ImportReport, IntegrationInstance
from integrations.psa.base import Filter, FilterCondition, StepState
from integrations.psa.fields import USER_DEFINED, InvalidFilterValue
from integrations.psa.registry import UnknownPSA, provider_for
from integrations.services.audit import Batch
from integrations.services.companies.filter_rows import MOST_ROWS, filters_of, rows_of
from integrations.services.companies.filters import filter_fields, save_filters
from integrations.services.companies.user_field import set_user_field
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.expectations.terms import (
    Expected,
    as_rows,
    save_expectations,
)
from integrations.services.expectations.terms import read_rows as read_expectations
from integrations.services.exports.configurations import COLUMNS as EXPORTED
from integrations.services.exports.configurations import export_configurations
from integrations.services.imports.reports import (
    DEFAULT_OPTIONS,
    ImportOptions,
    Outcome,
    Report,
    RowResult,
    store_report,
)
from integrations.services.imports.rows import RowFailed, read_rows
from integrations.services.instances.catch_all import set_catch_all_id
from integrations.services.instances.connect import (
    ConnectionDetails,
    NameTaken,
    connect_instance,
    is_connected_with,
    register_instance,
)
from integrations.services.instances.describe import InstanceDetails, describe_instance
from integrations.services.instances.schedule import LONGEST_INTERVAL, read_soon, save_schedule
from integrations.services.organizations.values import NO, YES

LONGEST_USER_FIELD = 95
LONGEST_COMPANY_ID = IntegrationInstance._meta.get_field("catch_all_id").max_length or 0
# What other tools, and people, call some of the columns.
OTHER_NAMES = {
    "name": ("configuration", "instance"),
    "is_default": ("default",),
    "platform": ("zone",),
    "username": ("api username",),
    "filters": ("company filter",),
    "catch_all": ("catch all company",),
    "user_field": ("user defined field",),
}
COLUMNS = {field: (field.replace("_", " "), *OTHER_NAMES.get(field, ())) for field in EXPORTED}
Secrets = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Wanted:
    """What a row says. ``schedule`` is hours between reads (0: never) and whether to check daily.

    ``catch_all``, ``user_field`` and ``expected`` are None where the file does not know of them; then what is
    there stays.
    """

    line: int
    details: ConnectionDetails
    schedule: tuple[int, bool]
    filters: tuple[Filter, ...]
    catch_all: str | None = None
    user_field: str | None = None
    expected: Expected | None = None


@sensitive_variables("secrets")
def import_configurations(
    batch: Batch,
    stream: BinaryIO,
    secrets: Secrets,
    options: ImportOptions = DEFAULT_OPTIONS,
) -> Report:
    """Import a CSV or JSON file; ``secrets`` are by configuration name and field. The report is kept.

    Raises ImportRefused when the file as a whole cannot be read; then nothing is written.
    """
    report = Report(ImportReport.Kind.CONFIGURATIONS, batch, options)
    with open_named_rows(stream, COLUMNS, required=("name",)) as file:
        report.shape, report.ignored = file.shape, file.ignored
        read = list(read_rows(list(file.rows), _Reader(secrets).read))
    if not read:
        raise ImportRefused("The file has no rows.")
    failed = any(isinstance(each, RowResult) and each.outcome is Outcome.FAILED for each in read)
    write = not options.dry_run and (options.keep_good or not failed)
    if write:
        # What fails from here on does not take back what was written before it.
        report.options = replace(options, keep_good=True)
    for each in read:
        if isinstance(each, Wanted):
            outcome, message = _write(batch, each) if write else _foresee(each)
            each = RowResult(each.line, each.details.name, outcome, message)
        report.add(each)
    store_report(report)
    return report


# --- reading ------------------------------------------------------------------------------------------------


class _Reader:
    """Reads row by row. Knows the secrets of each, and which rows said what."""

    @sensitive_variables("secrets")
    def __init__(self, secrets: Secrets) -> None:
        self._secrets = {name.casefold(): dict(values) for name, values in secrets.items()}
        self._lines: dict[tuple[str, str], int] = {}
        self._defaults: dict[str, int] = {}

    def read(self, row: FileRow) -> Wanted:
        """What the row says. Raises RowFailed."""
        wanted = _wanted(row, self._secrets)
        psa, place = wanted.details.psa, (wanted.details.psa, wanted.details.name.casefold())
        if place in self._lines:
            raise RowFailed(f"line {self._lines[place]} has the same name")
        if wanted.details.is_default and psa in self._defaults:
            # Each would take it from the one before, at every import of the file anew.
            raise RowFailed(f"line {self._defaults[psa]} is the default already; say yes for one of the two")
        self._lines[place] = row.line
        if wanted.details.is_default:
            self._defaults[psa] = row.line
        return wanted


@sensitive_variables("secrets", "own")
def _wanted(row: FileRow, secrets: Secrets) -> Wanted:
    """What the row says, checked as far as it can be without asking the PSA. Raises RowFailed."""
    if row.problem:
        raise RowFailed(row.problem)
    texts: dict[str, str] = {}
    for name, cell in row.cells.items():
        if row.begins_like_formula(name):
            raise RowFailed(f"{COLUMNS[name][0]} {LIKE_FORMULA}")
        texts[name] = clean_text(cell if row.is_exact else unescape_formula(cell))
    psa = texts.get("psa") or "autotask"
    try:
        provider = provider_for(psa)
    except UnknownPSA as error:
        raise RowFailed(f"there is no PSA “{psa}” here") from error
    name = texts.get("name", "")
    own = secrets.get(name.casefold(), {})
    existing = _existing(psa, name)
    entered = {
        "name": name,
        "description": texts.get("description", ""),
        "username": texts.get("username", ""),
        "zone": texts.get("platform", ""),
    }
    _check_identity(entered, provider.form_class, None if own else existing)
    if unknown := set(own) - set(provider.form_class.SECRETS):
        raise RowFailed(f"the secrets given for it hold {len(unknown)} names that mean nothing here")
    return Wanted(
        row.line,
        ConnectionDetails(
            **entered,
            psa=psa,
            is_default=_flag("is default", texts.get("is_default", "no")),
            secrets=dict(own),
        ),
        (_hours(texts.get("refresh_every_hours", "")), _flag("check daily", texts.get("check_daily", "yes"))),
        _filters(texts.get("filters", ""), existing or IntegrationInstance(psa=psa)),
        _company_id(texts["catch_all"]) if "catch_all" in texts else None,
        _user_field(texts["user_field"]) if "user_field" in texts else None,
        _expected(texts["expectations"]) if texts.get("expectations") else None,  # no cell lifts a brake
    )


def _check_identity(entered: dict[str, str], form_class: Any, known: IntegrationInstance | None) -> None:
    """Refuse what the connection form would, and a change of what is ``known`` that needs its secrets."""
    form = form_class(entered, secrets_set={name: {"at": "", "by": ""} for name in form_class.SECRETS})
    if not form.is_valid():
        problems = [f"{form.fields[name].label or name}: {errors[0]}" for name, errors in form.errors.items()]
        raise RowFailed("; ".join(problems))
    if known is not None and (known.username, known.zone) != (entered["username"], entered["zone"]):
        raise RowFailed("its username or platform differs here; that needs its secrets")


def _existing(psa: str, name: str) -> IntegrationInstance | None:
    return IntegrationInstance.objects.present().filter(psa=psa, name__iexact=name).first()


def _flag(label: str, text: str) -> bool:
    word = text.lower()
    if word in YES | NO or not word:
        return word in YES
    raise RowFailed(f"{label} must be yes or no")


def _hours(text: str) -> int:
    hours = whole_number(text or "24")
    if hours is None or hours > LONGEST_INTERVAL:
        raise RowFailed(f"refresh every hours must be a number from 0 to {LONGEST_INTERVAL}")
    return hours


def _company_id(text: str) -> str:
    if len(text) > LONGEST_COMPANY_ID or " " in text:
        raise RowFailed("catch all must be the id of a company in the PSA")
    return text


def _user_field(text: str) -> str:
    if text and not (text.startswith(USER_DEFINED) and len(text) <= LONGEST_USER_FIELD):
        raise RowFailed(f"user field must be the name of one, such as {USER_DEFINED}Customer key")
    return text


def _expected(text: str) -> Expected:
    """What is expected, of the JSON text [[kind, effect, limit, days], …]; nothing is "[]"."""
    try:
        rows = json_value(text)
    except (ValueError, RecursionError) as error:
        raise RowFailed("expectations must be a JSON list of [kind, effect, limit, days]") from error
    try:
        return read_expectations(rows)
    except ValueError as error:
        raise RowFailed(f"expectations: {error}") from error


def _filters(text: str, instance: IntegrationInstance) -> tuple[Filter, ...]:
    """The filter of the JSON text [[field, operation, value], …]; alternatives have their group's number."""
    if not text:
        return ()
    try:
        rows = json_value(text)
    except (ValueError, RecursionError) as error:
        raise RowFailed("filters must be a JSON list of [field, operation, value]") from error
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise RowFailed(f"filters must be a JSON list of at most {MOST_ROWS} rows")
    read = tuple(filters_of([*_row_of(_condition(row, instance)), _group(row)] for row in rows))
    if problem := provider_for(instance.psa).filters.problem_with(read):
        raise RowFailed(f"filters: {problem}")
    return read


def _row_of(condition: FilterCondition) -> list[object]:
    [row] = rows_of([condition])
    return row


def _group(row: Sequence[object]) -> int | None:
    """The number of the row's group, None for a row that stands alone."""
    number = row[3] if len(row) == 4 else None
    if number is None or (isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 1_000):
        return number
    raise RowFailed("the group of a filter row, its fourth value, must be a number from 1")


def _condition(row: object, instance: IntegrationInstance) -> FilterCondition:
    """A condition whose field this tenant knows, or at least has the shape of one."""
    language = provider_for(instance.psa).filters
    if (
        not isinstance(row, list)
        or len(row) not in {3, 4}
        or not all(isinstance(part, str) for part in row[:2])
    ):
        raise RowFailed("a filter row must be [field, operation, value]")
    name, operation, value = row[:3]
    parts = value if isinstance(value, list) else [value]
    if not all(part is None or isinstance(part, (str, int, float, bool)) for part in parts):
        raise RowFailed(f"the filter value of {name[:40]} must be a text, a number or a list of them")
    fields = filter_fields(instance) if instance.pk else provider_for(instance.psa).default_fields()
    field = language.find_field(name, fields)
    if field is None:
        if not name or len(name) > 100 or len(operation) > 20:
            raise RowFailed("a filter row must name a field and an operation")
        return FilterCondition(name, operation, tuple(value) if isinstance(value, list) else value)
    texts = ["" if part is None else str(part) for part in parts]
    try:
        return FilterCondition(field.name, operation, language.parse_values(field, operation, texts))
    except InvalidFilterValue as error:
        raise RowFailed(f"filter {name}: {error}") from error


# --- writing ------------------------------------------------------------------------------------------------


def _differs(existing: IntegrationInstance, wanted: Wanted) -> bool:
    [present] = export_configurations([existing])
    details = wanted.details
    if details.secrets and not is_connected_with(existing, details):
        return True
    target = {
        **present,
        "name": details.name,
        "description": details.description,
        "is_default": details.is_default or present["is_default"],
        "refresh_every_hours": wanted.schedule[0],
        "check_daily": wanted.schedule[1],
        "filters": rows_of(wanted.filters),
        "catch_all": present["catch_all"] if wanted.catch_all is None else wanted.catch_all,
        "user_field": present["user_field"] if wanted.user_field is None else wanted.user_field,
        "expectations": present["expectations"] if wanted.expected is None else as_rows(wanted.expected),
    }
    return target != present


def _foresee(wanted: Wanted) -> tuple[Outcome, str]:
    """What writing the row would do, as far as it can be told without asking the PSA."""
    existing = _existing(wanted.details.psa, wanted.details.name)
    if existing is None:
        note = "its credentials would be checked first" if wanted.details.secrets else "without credentials"
        return Outcome.IMPORTED, f"new configuration, {note}"
    if _differs(existing, wanted):
        return Outcome.UPDATED, "differs from what is there"
    return Outcome.SKIPPED, "nothing differs from what is there"


def _write(batch: Batch, wanted: Wanted) -> tuple[Outcome, str]:
    """Write the row; what goes wrong is its result."""
    details = wanted.details
    existing = _existing(details.psa, details.name)
    if existing is not None and not _differs(existing, wanted):
        return Outcome.SKIPPED, "nothing differs from what is there"
    try:
        instance = _connected(batch, details, existing)
    except RowFailed as problem:
        return Outcome.FAILED, str(problem)
    except (NameTaken, ChangedMeanwhile):
        return Outcome.FAILED, "somebody else changed it at the same moment"
    hours, daily = wanted.schedule
    save_schedule(batch, instance, refresh_every_hours=hours, check_daily=daily)
    save_filters(batch, instance, wanted.filters)
    read_soon(instance)
    if wanted.catch_all is not None:
        set_catch_all_id(batch, instance, wanted.catch_all)
    if wanted.user_field is not None:
        set_user_field(batch, instance, wanted.user_field)
    if wanted.expected is not None:
        save_expectations(batch, instance, wanted.expected)
    if existing is not None:
        return Outcome.UPDATED, "changed as in the file"
    verified = "credentials checked" if details.secrets else "not verified: enter its credentials"
    return Outcome.IMPORTED, f"new configuration, {verified}"


def _connected(
    batch: Batch, details: ConnectionDetails, existing: IntegrationInstance | None
) -> IntegrationInstance:
    """The stored instance. Raises RowFailed when the PSA refuses, NameTaken, ChangedMeanwhile."""
    if details.secrets:
        outcome = connect_instance(batch, details, existing)
        if outcome.instance is None:
            failed = [step for step in outcome.report.steps if step.state is StepState.FAILED]
            why = "; ".join(f"{step.title}: {step.detail}" for step in failed)
            raise RowFailed(f"the connection was refused. {why}")
        return outcome.instance
    if existing is None:
        return register_instance(batch, details)
    wanted = InstanceDetails(details.name, details.description, details.is_default)
    describe_instance(batch, existing, wanted, seen=InstanceDetails.of(existing))
    return existing
