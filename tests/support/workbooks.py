"""Workbooks made by hand, byte by byte where it matters: what programs write, and what nobody should open."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from string import ascii_uppercase
from xml.sax.saxutils import escape

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DATE, MOMENT = 1, 2  # styles


@dataclass(frozen=True)
class Formula:
    """A formula and the value that it had when the workbook was saved."""

    text: str
    value: object


@dataclass(frozen=True)
class Error:
    """What a formula came to that has no value: ``#REF!``."""

    text: str


Rows = Iterable[Sequence[object]]


@dataclass(frozen=True)
class Sheet:
    """A sheet: rows from the first on, merged ranges as "A1:B1", "hidden" for one that is not shown."""

    rows: Rows
    merged: tuple[str, ...] = ()
    state: str = ""
    at: str = ""  # a cell of its own, far away: "XFD1048576"


def column_name(place: int) -> str:
    """The letters of a column, from 0."""
    name = ""
    while place >= 0:
        name = chr(65 + place % 26) + name
        place = place // 26 - 1
    return name


def xlsx(sheets: dict[str, Sheet | Rows]) -> bytes:
    """A workbook of these sheets, as .xlsx."""
    named = {name: sheet if isinstance(sheet, Sheet) else Sheet(sheet) for name, sheet in sheets.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", _content_types(len(named)))
        package.writestr("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        targets = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(named) + 1)]
        package.writestr("xl/_rels/workbook.xml.rels", _relations([*targets, ("styles", "styles.xml")]))
        package.writestr("xl/workbook.xml", _workbook(named))
        package.writestr("xl/styles.xml", _STYLES)
        for number, sheet in enumerate(named.values(), start=1):
            with package.open(f"xl/worksheets/sheet{number}.xml", "w") as part:
                part.writelines(piece.encode() for piece in _sheet(sheet))
    return file.getvalue()


def ods(sheets: dict[str, Rows], before: str = "") -> bytes:
    """A workbook of these sheets, as .ods. ``before`` is put into each row's XML in front of its cells."""
    tables = "".join(
        f'<table:table table:name="{escape(name)}">'
        + "".join(
            f"<table:table-row>{before}{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows
        )
        + "</table:table>"
        for name, rows in sheets.items()
    )
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f'{XML}<office:document-content{spaces} office:version="1.2"><office:body>'
        f"<office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        f'{XML}<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )
    return zipped(
        {
            "mimetype": kind.encode(),
            "content.xml": content.encode(),
            "META-INF/manifest.xml": manifest.encode(),
        }
    )


def zipped(members: dict[str, bytes]) -> bytes:
    """A ZIP archive of these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _content_types(sheets: int) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = [("/xl/workbook.xml", f"{kind}.sheet.main+xml"), ("/xl/styles.xml", f"{kind}.styles+xml")]
    parts += [(f"/xl/worksheets/sheet{n}.xml", f"{kind}.worksheet+xml") for n in range(1, sheets + 1)]
    return (
        f'{XML}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        + "".join(f'<Override PartName="{name}" ContentType="{value}"/>' for name, value in parts)
        + "</Types>"
    )


def _relations(targets: list[tuple[str, str]]) -> str:
    return (
        f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
            for n, (kind, target) in enumerate(targets, start=1)
        )
        + "</Relationships>"
    )


def _workbook(sheets: dict[str, Sheet]) -> str:
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}"'
        + (f' state="{sheet.state}"' if sheet.state else "")
        + f' r:id="rId{n}"/>'
        for n, (name, sheet) in enumerate(sheets.items(), start=1)
    )
    return f'{XML}<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{listed}</sheets></workbook>'


_STYLES = (
    f'{XML}<styleSheet xmlns="{MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3">'
    '<xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="22" applyNumberFormat="1"/>'
    "</cellXfs></styleSheet>"
)


def _sheet(sheet: Sheet) -> Iterator[str]:
    yield f'{XML}<worksheet xmlns="{MAIN}"><sheetData>'
    for number, row in enumerate(sheet.rows, start=1):
        cells = "".join(_cell(f"{column_name(place)}{number}", value) for place, value in enumerate(row))
        yield f'<row r="{number}">{cells}</row>'
    if sheet.at:
        yield f'<row r="{sheet.at.lstrip(ascii_uppercase)}">{_cell(sheet.at, "far")}</row>'
    yield "</sheetData>"
    if sheet.merged:
        ranges = "".join(f'<mergeCell ref="{each}"/>' for each in sheet.merged)
        yield f'<mergeCells count="{len(sheet.merged)}">{ranges}</mergeCells>'
    yield "</worksheet>"


def xls(sheets: dict[str, Rows], *, locked: bool = False) -> bytes:
    """A workbook of these sheets as Excel 97 to 2003 wrote it; ``locked``: with a password."""
    parts = [b"".join(_biff_sheet(rows)) for rows in sheets.values()]
    names = [name.encode("utf-16-le") for name in sheets]
    lock = _record(0x2F, struct.pack("<HHH", 0, 0x1234, 0x5678)) if locked else b""
    begin = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + lock
    at = len(begin) + sum(4 + 8 + len(name) for name in names) + 4
    listed = b""
    for name, part in zip(names, parts, strict=True):
        listed += _record(0x85, struct.pack("<IBBBB", at, 0, 0, len(name) // 2, 1) + name)
        at += len(part)
    return compound({"Workbook": begin + listed + _record(0x0A, b"") + b"".join(parts)})


def compound(streams: dict[str, bytes]) -> bytes:
    """Microsoft's container of streams: what older Office files are, and new ones with a password."""
    size, end, free = 512, 0xFFFFFFFE, 0xFFFFFFFF
    table: list[int] = []
    sectors, entries = b"", [_entry("Root Entry", 5, end, 0, child=1)]
    for number, (name, content) in enumerate(streams.items(), start=1):
        padded = content.ljust(4096, b"\0")  # shorter ones would stand in a table of their own
        padded += b"\0" * (-len(padded) % size)
        first, count = len(table), len(padded) // size
        table += [*range(first + 1, first + count), end]
        sectors += padded
        entries.append(
            _entry(name, 2, first, len(padded), right=number + 1 if number < len(streams) else free)
        )
    directory = b"".join(entries)
    directory += b"\0" * (-len(directory) % size)
    at = len(table)
    table += [*range(at + 1, at + len(directory) // size), end]
    used = 1
    while used * 128 < len(table) + used:
        used += 1
    start = len(table)
    table += [0xFFFFFFFD] * used
    table += [free] * (used * 128 - len(table))
    listed = [*range(start, start + used)] + [free] * (109 - used)
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += bytes(6) + struct.pack("<IIIIIIIII", 0, used, at, 0, 4096, end, 0, end, 0)
    return (
        header + struct.pack("<109I", *listed) + sectors + directory + struct.pack(f"<{len(table)}I", *table)
    )


def _entry(
    name: str, kind: int, first: int, size: int, child: int = 0xFFFFFFFF, right: int = 0xFFFFFFFF
) -> bytes:
    text = name.encode("utf-16-le")
    told = text.ljust(64, b"\0") + struct.pack("<HBB", len(text) + 2, kind, 1)
    return told + struct.pack("<III", 0xFFFFFFFF, right, child) + bytes(36) + struct.pack("<IQ", first, size)


def _record(number: int, content: bytes) -> bytes:
    return struct.pack("<HH", number, len(content)) + content


def _biff_sheet(rows: Rows) -> Iterator[bytes]:
    yield _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    for row, cells in enumerate(rows):
        for column, value in enumerate(cells):
            place = struct.pack("<HHH", row, column, 0)
            if isinstance(value, bool):
                yield _record(0x205, place + bytes([value, 0]))
            elif isinstance(value, int | float):
                yield _record(0x203, place + struct.pack("<d", value))
            elif value not in (None, ""):
                text = str(value)
                yield _record(0x204, place + struct.pack("<HB", len(text), 1) + text.encode("utf-16-le"))
    yield _record(0x0A, b"")


def _cell(place: str, value: object, formula: str = "") -> str:
    told = f"<f>{escape(formula)}</f>" if formula else ""
    if isinstance(value, Formula):
        return _cell(place, value.value, value.text)
    if isinstance(value, Error):
        return f'<c r="{place}" t="e">{told}<v>{value.text}</v></c>'
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b">{told}<v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}">{told}<v>{value!r}</v></c>'
    if isinstance(value, date):
        style = MOMENT if isinstance(value, datetime) else DATE
        since = datetime.fromisoformat(value.isoformat()) - datetime.fromisoformat("1899-12-30")
        return f'<c r="{place}" s="{style}">{told}<v>{since / timedelta(days=1)!r}</v></c>'
    if formula:
        return f'<c r="{place}" t="str">{told}<v>{escape(str(value))}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'


def _ods_cell(value: object) -> str:
    if value is None or value == "":
        return "<table:table-cell/>"
    if isinstance(value, bool):
        kind = f'office:value-type="boolean" office:boolean-value="{str(value).lower()}"'
    elif isinstance(value, int | float):
        kind = f'office:value-type="float" office:value="{value}"'
    elif isinstance(value, date):
        kind = f'office:value-type="date" office:date-value="{value.isoformat()}"'
    else:
        kind = 'office:value-type="string"'
    return f"<table:table-cell {kind}><text:p>{escape(str(value))}</text:p></table:table-cell>"
