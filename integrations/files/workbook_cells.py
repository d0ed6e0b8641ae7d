"""The cells of a workbook as text, read in a child process only (files/workbook.py starts it).

Standard library and python-calamine alone. Gives first what the workbook is, then its rows in small lists.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections import deque
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.etree import ElementTree as ET

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from integrations.files.text import number_text

MAX_UNPACKED = 500_000_000  # bytes that a workbook's parts may have together
MAX_MEMBERS = 5_000
MAX_WIDTH = 16_384  # columns of a sheet, in Excel
MAX_CELL = 100_000  # characters
BATCH_ROWS, BATCH_CHARACTERS = 200, 200_000
TAIL = 3  # rows at the end that are told beforehand, since they may be a total
_TOLD = 500  # merged ranges that are told
_ERROR_CELL = re.compile(
    rb"<(?:\w+:)?c\b[^>]*?\bt\s*=\s*[\"']e[\"'][^>]*>(.{0,2000}?)</(?:\w+:)?c>", re.DOTALL
)
_REFERENCE = re.compile(rb"\br\s*=\s*[\"']([A-Z]{1,3})(\d{1,7})[\"']")
_VALUE = re.compile(rb"<(?:\w+:)?v>([^<]{1,40})<")

OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # the container of older Office files, and of encrypted new ones
_LOCKED = "The workbook has a password. Take it off (File, Info, Protect Workbook) and try again."
# How an .xls stream begins that is encrypted: python-calamine takes one of the two ways for plain text.
_OLD_LOCK = re.compile(rb"\x09\x08\x10\x00.{16}(?:\x86\x00\x00\x00)?\x2f\x00", re.DOTALL)
_OLE_DOCUMENTS = {
    "EncryptedPackage": _LOCKED,
    "WordDocument": "The file is a Word document, no table. Copy the table to a workbook and try again.",
    "PowerPoint Document": "The file is a PowerPoint document. Copy the table to a workbook and try again.",
    "__properties_version1.0": "The file is an Outlook message. Save what is attached to it and choose that.",
}

Merged = tuple[tuple[int, int], tuple[int, int]]
Row = tuple[int, list[str]]  # number from 1, cells


class Refused(Exception):
    """The file cannot be read; the text says why and what to do about it."""


def read_cells(wanted: str, batch: int = BATCH_ROWS) -> Iterator[Any]:
    """What the workbook is, as a dictionary; then lists of rows. Raises Refused; native code may abort.

    Of the dictionary: ``sheets`` and ``hidden`` are names, ``sheet`` the one that is read (``wanted``, or
    else the first that looks like a table), ``merged`` ranges of it, ``tail`` its last rows.
    """
    data = sys.stdin.buffer.read()
    _check_package(data)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        name, sheet = _chosen(workbook, wanted)
        errors = _error_cells(data, name)
        yield {**_described(workbook), "sheet": name, **_told(sheet, errors)}
    except PasswordError as error:
        raise Refused(_LOCKED) from error
    except CalamineError as error:
        raise Refused(
            "The workbook is damaged or of a kind that cannot be read "
            f'({str(error)[:200]}). Open it, save it as .xlsx or as "CSV UTF-8" and try again.'
        ) from error
    rows: list[Row] = []
    size = 0
    for row in _rows(sheet, errors):
        rows.append(row)
        size += sum(map(len, row[1]))
        if len(rows) >= batch or size > BATCH_CHARACTERS:
            yield rows
            rows, size = [], 0
    yield rows


def _described(workbook: CalamineWorkbook) -> dict[str, Any]:
    sheets = _worksheets(workbook)
    return {"sheets": list(sheets), "hidden": [name for name, shown in sheets.items() if not shown]}


def _worksheets(workbook: CalamineWorkbook) -> dict[str, bool]:
    """The sheets that have cells, and whether each is shown."""
    return {
        sheet.name: sheet.visible == SheetVisibleEnum.Visible
        for sheet in workbook.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet
    }


def _chosen(workbook: CalamineWorkbook, wanted: str) -> tuple[str, CalamineSheet]:
    """The wanted sheet, else the first one shown that has rows below names, else the first with anything."""
    sheets = _worksheets(workbook)
    if wanted:
        if wanted not in sheets:
            names = ", ".join(f"“{name}”" for name in list(sheets)[:20])
            raise Refused(f"The workbook has no sheet “{wanted[:40]}”. Choose one of: {names}.")
        return wanted, workbook.get_sheet_by_name(wanted)
    first: tuple[str, CalamineSheet] | None = None
    for name in sorted(sheets, key=lambda name: not sheets[name]):
        sheet = workbook.get_sheet_by_name(name)
        if sheet.width > 1 and sheet.height > 1:
            return name, sheet
        first = first or ((name, sheet) if sheet.width else None)
    if first is None:
        raise Refused("The workbook is empty: none of its sheets has a cell with a value.")
    return first


def _told(sheet: CalamineSheet, errors: dict[tuple[int, int], str]) -> dict[str, Any]:
    merged: list[Merged] = sheet.merged_cell_ranges or []
    return {
        "merged": [[*start, *end] for start, end in merged[:_TOLD]],
        "tail": list(deque(_rows(sheet, errors), maxlen=TAIL)),
    }


def _rows(sheet: CalamineSheet, errors: dict[tuple[int, int], str]) -> Iterator[Row]:
    """The rows in which something stands, cut behind their last cell."""
    down, right = sheet.start or (0, 0)
    if right + sheet.width > MAX_WIDTH:
        raise Refused(
            f"The sheet “{sheet.name}” has {right + sheet.width:,} columns. "
            "Copy the columns that are needed to a new workbook and try again."
        )
    by_row: dict[int, list[tuple[int, str]]] = {}
    for (row, column), text in errors.items():
        by_row.setdefault(row, []).append((column, text))
    for number, values in enumerate(sheet.iter_rows(), start=down):
        cells = [""] * right + [value if type(value) is str else _text(value) for value in values]
        for column, text in by_row.get(number, ()):
            cells += [""] * (column + 1 - len(cells))
            cells[column] = text
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            if max(map(len, cells)) > MAX_CELL:
                raise Refused(
                    f"Row {number + 1} has a cell of more than {MAX_CELL:,} characters. Shorten it."
                )
            yield number + 1, cells


def _text(value: object) -> str:
    """A value as a person would type it: whole numbers without a point, no exponents, dates by ISO 8601."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("seconds")
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(value)


def _check_package(data: bytes) -> None:
    """Refuse by name what is no workbook, and a bomb before it is unpacked."""
    if data.startswith(OLE):
        if _OLD_LOCK.search(data):
            raise Refused(_LOCKED)
        for name, told in _OLE_DOCUMENTS.items():
            if name.encode("utf-16-le") in data:
                raise Refused(told)
    if not data.startswith(b"PK"):
        return
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
        members = package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise Refused(
            "The file is a damaged ZIP archive, or was not uploaded to its end. Save it again and try again."
        ) from error
    unpacked = sum(member.file_size for member in members)
    names = [member.filename for member in members]
    is_workbook = any(name.startswith("xl/") for name in names) or _is_ods(package)
    if not is_workbook:
        raise Refused(_other_package(names))
    if unpacked > MAX_UNPACKED or len(members) > MAX_MEMBERS:
        raise Refused(
            f"The workbook unpacks to {unpacked // 1_000_000:,} MB in {len(members):,} parts, which is more "
            f"than is read ({MAX_UNPACKED // 1_000_000} MB in {MAX_MEMBERS:,}). "
            "Copy the rows that are needed to a new workbook and try again."
        )


def _is_ods(package: zipfile.ZipFile) -> bool:
    if "mimetype" not in package.namelist():
        return False
    with package.open("mimetype") as kind:
        return kind.read(200).startswith(b"application/vnd.oasis.opendocument.spreadsheet")


def _other_package(names: list[str]) -> str:
    """What the archive is, by the names of its members."""
    has = {name.split("/", 1)[0] for name in names}
    if "word" in has or "ppt" in has:
        return (
            "The file is a Word or PowerPoint document, no table. Copy the table to a workbook and try again."
        )
    if "Index.zip" in names or any(name.endswith(".iwa") for name in names):
        return "The file is an Apple Numbers document. In Numbers choose File, Export To, CSV, and try again."
    if "mimetype" in has or "content.xml" in has:
        return "The file is an OpenDocument text or drawing. Copy the table to a spreadsheet and try again."
    shown = ", ".join(f"“{name[:60]}”" for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"The file is a ZIP archive with {shown}{more} in it. Unpack it and choose the file inside."


def _error_cells(data: bytes, sheet: str) -> dict[tuple[int, int], str]:
    """The cells of an .xlsx sheet with an error such as #REF!, for which python-calamine gives nothing."""
    if not data.startswith(b"PK"):
        return {}
    errors: dict[tuple[int, int], str] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        part = _part_of(package, sheet)
        if not part:
            return {}
        held = b""
        with package.open(part) as stream:
            while piece := stream.read(1_000_000):
                held += piece
                if b'"e"' in held or b"'e'" in held:
                    errors.update(filter(None, map(_error, _ERROR_CELL.finditer(held))))
                held = held[-3_000:]  # where a cell may have begun
    return errors


def _error(found: re.Match[bytes]) -> tuple[tuple[int, int], str] | None:
    place, value = _REFERENCE.search(found[0]), _VALUE.search(found[1])
    if not place or not value:
        return None
    column = 0
    for letter in place[1]:
        column = column * 26 + letter - 64
    return (int(place[2]) - 1, column - 1), value[1].decode("utf-8", "replace")


def _part_of(package: zipfile.ZipFile, sheet: str) -> str:
    """The member that holds the sheet; "" if this is no .xlsx, or is laid out in another way."""
    names = set(package.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return ""
    relation = ""
    # The caps of the process hold for what an XML file may do.
    for element in ET.fromstring(package.read("xl/workbook.xml")).iter():  # noqa: S314
        if element.tag.endswith("}sheet") and element.get("name") == sheet:
            relation = next((value for key, value in element.items() if key.endswith("}id")), "")
    for element in ET.fromstring(package.read("xl/_rels/workbook.xml.rels")):  # noqa: S314
        if relation and element.get("Id") == relation:
            target = element.get("Target", "").lstrip("/")
            return next((name for name in (target, f"xl/{target}") if name in names), "")
    return ""
