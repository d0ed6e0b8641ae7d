"""Which organization each row of a file means.

- the one with its portal key, which only files of the portal's own export have;
- else the one with its external id;
- else, for an external id that is new, the only one of the same name without an external id: it gets the id;
- without an external id, the only one of the same name.
Otherwise it is a new one, with the row's portal key if it has one, so that an emptied portal gets the same
organizations back. Deleted organizations are not looked at.

The same file again means the same organizations, whatever the first time wrote. Two rules see to it:
- A row is looked up in what the rows above it leave: a name or an external id that one of them gave up
  belongs to nobody, and a row that is found by its name alone suffers no namesake below it in the file.
- A refused row keeps what it was looked up by: its new ids are not given to the rows below it, and what it
  may mean is not renamed by them, nor given another id. Otherwise the next import would take what this one
  refused.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from integrations.files.text import name_key
from integrations.models import Organization, OrganizationIdentifier
from integrations.services.imports.rows import RowFailed, RowSkipped
from integrations.services.organizations.merge import merged_external_ids


class Named(NamedTuple):
    """What a row says about who it is; an empty external id and no key say nothing."""

    line: int
    name: str
    external_id: str
    key: uuid.UUID | None


class Holder(NamedTuple):
    """The organization that has a portal key."""

    organization: int
    is_deleted: bool


class Lookup:
    """Knows the organizations that there are, and which rows of the file said what.

    Short in memory, for files of a hundred thousand rows: names are known by their hashes. ``source`` is the
    tool that the file is from: its own ids of organizations are looked up as external ids are.
    """

    def __init__(self, source: str = "") -> None:
        self._by_external_id: dict[str, int] = {}
        self._by_name: dict[int, tuple[int, ...]] = {}
        self._name_of: dict[int, int] = {}
        self._without_external_id: set[int] = set()
        present = Organization.objects.present().order_by("pk").values_list("pk", "name", "external_id")
        for pk, name, external_id in present.iterator(chunk_size=2_000):
            hashed = _hashed(name)
            self._by_name[hashed] = (*self._by_name.get(hashed, ()), pk)
            self._name_of[pk] = hashed
            if external_id:
                self._by_external_id[external_id] = pk
            else:
                self._without_external_id.add(pk)
        own = OrganizationIdentifier.objects.present().filter(kind="source_id", source=source)
        for value, pk in own.order_by("-pk").values_list("value", "organization_id"):
            self._by_external_id.setdefault(value, pk)
        self._merged_into = merged_external_ids()
        self._line_of_external_id: dict[str, int] = {}
        self._line_of_key: dict[uuid.UUID, int] = {}
        # Lines that are found by an id of their own, external or portal key, count below zero.
        self._lines_of_name: dict[int, tuple[int, ...]] = {}
        self._line_of_target: dict[int, int] = {}
        self._other_external_id: set[int] = set()  # targets whose external id of before is free
        # Refused rows by what has to stay as it is for them.
        self._name_kept_for: dict[int, int] = {}
        self._external_id_kept_for: dict[int, int] = {}

    def target(self, row: Named, holders: Mapping[uuid.UUID, Holder]) -> int | None:
        """The organization that the row means, None for a new one; rows come in the order of the file.

        ``holders`` know who has the row's portal key. Raises RowFailed, RowSkipped.
        """
        self._refuse_double(row)
        external_holder = self._holder(row.external_id)
        if external_holder is None and row.external_id in self._merged_into:
            raise RowSkipped(f"was merged into “{self._merged_into[row.external_id]}”")
        key_holder = holders.get(row.key) if row.key else None
        try:
            target = self._found(row, key_holder, external_holder)
            self._refuse_taken(row, target)
        except RowFailed:
            self._keep(row, key_holder, external_holder)
            raise
        has_own_id = bool(row.external_id or key_holder or (row.key and target is None))
        self._note(row, target, has_own_id=has_own_id)
        return target

    def claim(self, target: int, line: int) -> None:
        """Let a row mean this organization, as somebody said. Raises RowSkipped where one above does."""
        first = self._line_of_target.setdefault(target, line)
        if first != line:
            raise RowSkipped(f"is the same as line {first}, as you said")

    # --- finding --------------------------------------------------------------------------------------------

    def _refuse_double(self, row: Named) -> None:
        """Raise RowFailed for what a row above has said."""
        if row.key and row.key in self._line_of_key:
            raise RowFailed(f"has the same portal key as line {self._line_of_key[row.key]}")
        if row.external_id in self._line_of_external_id:
            raise RowFailed(f"has the same external id as line {self._line_of_external_id[row.external_id]}")
        for line in self._lines_of_name.get(_hashed(row.name), ()):
            if not ((row.external_id or row.key) and line < 0):
                raise RowFailed(f"has the same name as line {abs(line)}; namesakes need an external id each")

    def _found(self, row: Named, key_holder: Holder | None, external_holder: int | None) -> int | None:
        if key_holder is not None:
            if key_holder.is_deleted:
                raise RowFailed("the organization with this portal key was deleted; restore it first")
            if external_holder not in (None, key_holder.organization):
                raise RowFailed("another organization has this external id")
            return key_holder.organization
        return self._by_its_name(row) if external_holder is None else external_holder

    def _by_its_name(self, row: Named) -> int | None:
        """The only organization that the name can mean. One that a row above means is not meant again."""
        namesakes = self._namesakes(row)
        free = [pk for pk in namesakes if pk not in self._line_of_target]
        if not free:
            return None
        which, count = " without an external id", len(namesakes)
        if not row.external_id:
            which, count = "", len(free) + len(self._lines_of_name.get(_hashed(row.name), ()))
        if count > 1:
            raise RowFailed(f"{count} organizations{which} have this name; it cannot be told which is meant")
        return free[0]

    def _refuse_taken(self, row: Named, target: int | None) -> None:
        """Raise RowFailed where a row above means the target, or needs it as it is."""
        if target is None:
            return
        if target in self._line_of_target:
            raise RowFailed(f"means the same organization as line {self._line_of_target[target]}")
        line = None
        if self._name_of.get(target) != _hashed(row.name):
            line = self._name_kept_for.get(target)
        if line is None and row.external_id and self._by_external_id.get(row.external_id) != target:
            line = self._external_id_kept_for.get(target)
        if line is not None:
            raise RowFailed(
                f"changes the name or external id of an organization that line {line} may mean; correct that "
                "line, or put this one above it"
            )

    def _holder(self, external_id: str) -> int | None:
        """Who has the external id, None for nobody."""
        holder = self._by_external_id.get(external_id)
        return None if holder in self._other_external_id else holder

    def _namesakes(self, row: Named) -> list[int]:
        """Those whom the row may mean by its name: they had it before this file, and have it still."""
        hashed = _hashed(row.name)
        return [
            pk
            for pk in self._by_name.get(hashed, ())
            if self._name_of[pk] == hashed and not (row.external_id and pk not in self._without_external_id)
        ]

    # --- remembering ----------------------------------------------------------------------------------------

    def _note(self, row: Named, target: int | None, *, has_own_id: bool) -> None:
        """What a good row says and does."""
        hashed = _hashed(row.name)
        line = -row.line if has_own_id else row.line
        self._lines_of_name[hashed] = (*self._lines_of_name.get(hashed, ()), line)
        self._claim(row.key, row.external_id, row.line)
        if target is None:
            return
        self._line_of_target[target] = row.line
        self._name_of[target] = hashed
        if row.external_id:
            self._without_external_id.discard(target)
            if self._by_external_id.get(row.external_id) != target:
                self._other_external_id.add(target)

    def _keep(self, row: Named, key_holder: Holder | None, external_holder: int | None) -> None:
        """Let nothing below change by what a refused row was looked up."""
        if external_holder is not None:
            self._external_id_kept_for.setdefault(external_holder, row.line)
        if key_holder is not None:
            return
        self._claim(row.key, row.external_id if external_holder is None else "", row.line)
        if external_holder is not None:
            return
        for pk in self._namesakes(row):
            self._name_kept_for.setdefault(pk, row.line)
            if row.external_id:
                self._external_id_kept_for.setdefault(pk, row.line)

    def _claim(self, key: uuid.UUID | None, external_id: str, line: int) -> None:
        if key:
            self._line_of_key[key] = line
        if external_id:
            self._line_of_external_id[external_id] = line


def holders(keys: Iterable[uuid.UUID]) -> dict[uuid.UUID, Holder]:
    """Which organizations have these portal keys."""
    wanted = set(keys)
    if not wanted:
        return {}
    found = Organization.objects.filter(key__in=wanted).values_list("key", "pk", "deleted_at")
    return {key: Holder(pk, is_deleted=deleted_at is not None) for key, pk, deleted_at in found}


def _hashed(name: str) -> int:
    """Names that differ only in letter case or blanks are the same."""
    return hash(name_key(name))
