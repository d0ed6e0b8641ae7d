"""Where a table begins inside its file, what its columns are called, and where it ends: found by shape.

Exports put titles, dates and blank lines above the names of the columns, and totals below the last row. The
names are the first row that is about as wide as the rows are and looks like names, not like values.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from integrations.files.shape import MAX_COLUMNS, MAX_NAME, ImportRefused
from integrations.files.text import clean_text

Record = tuple[int, Sequence[str]]  # where it begins, its cells

_LOOKED_AT = 40  # rows that the names may be among
_NEARLY = 0.7  # of the best row's points: how good an earlier row has to be
_SHOWN = 60
# Numbers, dates, money, percent, addresses of mail and web, keys: what stands in a row, hardly in a name.
_VALUE = re.compile(
    r"[+-]?[\d.,:/\s%€$£()-]*\d[\d.,:/\s%€$£()-]*"
    r"|[^\s@]+@[^\s@]+\.[^\s@]+"
    r"|(https?://|www\.)\S+"
    r"|\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?"
    r"|\d{4}-\d\d-\d\d.*|true|false",
    re.IGNORECASE,
)
# Words that names of columns are made of, in English, German, French, Dutch and Spanish.
_NAME_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        account address adres adresse anschrift bedrijf ciudad city client cliente code codigo company
        contact country customer data date datum description direccion display domain domaine dominio email
        empresa external fax firma firmenname id identifier kunde kundennummer klant land mail mobile naam
        name nombre nom number nummer numero organisation organization ort pais pays phone plaats plz postal
        postcode primary province provincia rue site societe stad stadt state status straat strasse straße
        street telefon telefono telephone telefoon tel tenant type uid url uuid vat ville web website
        webseite zip
        """,
    )
)
_THINGS = (
    "rows?|records?|results?|entries|items|customers|clients|companies|sites|organi[sz]ations|tenants|accounts"
    "|zeilen|einträge|kunden|firmen|lignes|sociétés|rijen|regels|klanten|filas|registros|clientes|empresas"
)
_ALL = "totals?|sums?|count|gesamt|summe|anzahl|totaal|aantal|somme|nombre|cantidad|suma"
# Lines that close a table, whatever else it holds; and those that do only where rows have several cells.
_SURE_FOOTER = re.compile(
    rf"\W*((grand |sub[- ]?)?({_ALL})( number)?( of| de| der| van)?( ({_THINGS}))?"
    rf"\s?[:=(]\s?\d[\d.,]*( ({_THINGS}))?\W*"
    rf"|\(\d+ ({_THINGS})( affected| selected)?\)"
    r"|(page|seite|pagina|página) \d+( ?(of|von|de|van|sur|/) ?\d+)?)",
    re.IGNORECASE,
)
_LIKELY_FOOTER = re.compile(
    rf"\W*((grand |sub[- ]?)?({_ALL})( ({_THINGS}))?\s?[:=]?[\s\d.,]*"
    rf"|\d+ ({_THINGS})( affected| selected)?\W*|end of (report|file|list|export)\W*|(# |--).*"
    r"|(©|copyright|\(c\)).*\d{4}.*|confidential(\W*|.* (only|information|document).*)"
    r"|(exported|generated|created|printed|downloaded|report (run|date)|erstellt|exportiert|exporté|généré"
    r"|geëxporteerd|gegenereerd|exportado|generado)\b.*\d.*)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Header:
    """The names of the columns, where each of them stands in a row, and what has to be said of them."""

    line: int
    names: tuple[str, ...]
    places: tuple[int, ...]
    cells: tuple[str, ...]  # as they stand in the file
    notes: tuple[str, ...] = ()


def is_blank(cells: Sequence[str]) -> bool:
    """Whether nothing stands in the row."""
    return not any(map(str.strip, cells))


def is_ruler(cells: Sequence[str]) -> bool:
    """Whether the row only explains the names above it: a line of dashes, or hints such as "[required]"."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if len(filled) > 1 and all(cell.startswith(("[", "<")) and cell.endswith(("]", ">")) for cell in filled):
        return True
    return bool(filled) and all(not cell.strip("-=+:|") and len(cell) > 1 for cell in filled)


def are_names(cells: Sequence[str]) -> bool:
    """Whether several things stand in the row, each of which is what a column may be called."""
    return len(cells) > 1 and all(_is_name(clean_text(cell)) for cell in cells)


def find_header(records: Sequence[Record], wanted: int = 0) -> int:
    """The place among the records of the one that names the columns.

    ``wanted`` is its line, if a person said so. Raises ImportRefused where nothing stands in the rows, or
    nothing begins on that line.
    """
    if wanted:
        for at, (line, cells) in enumerate(records):
            if line == wanted and not is_blank(cells):
                return at
        raise ImportRefused(f"Nothing stands on line {wanted}, which is to name the columns. Choose another.")
    rows = [(at, cells) for at, (_, cells) in enumerate(records[:_LOOKED_AT]) if not is_blank(cells)]
    if not rows:
        raise ImportRefused("The file has no rows. Its first line has to name the columns.")
    columns = max(len(cells) for _, cells in rows)
    rows = [(at, cells) for at, cells in rows if not is_footer(cells, columns)] or rows
    widths = Counter(_filled(cells) for _, cells in rows)
    usual = max(widths, key=lambda width: (widths[width], width))
    lengths = Counter(len(cells) for _, cells in rows)
    long = max(lengths, key=lambda length: (lengths[length], -length))
    # A title has fewer cells than rows have, be these filled or not.
    points = [
        _points(cells, usual, columns) - (2 * len(cells) <= long) - _stands_apart(records, at)
        for at, cells in rows
    ]
    if len(rows) > 1:  # names with nothing below are more likely the last row's values
        points[-1] -= 2
    enough = _NEARLY * max(points)
    return next(at for (at, _), each in zip(rows, points, strict=True) if each >= enough)


def read_header(records: Sequence[Record], at: int) -> Header:
    """The columns that the record names, with the names of those above and below it looked at.

    Raises ImportRefused for more columns than are read.
    """
    line, cells = records[at]
    valued = {place for _, row in records[at + 1 :] if not is_ruler(row) for place in _places(row)}
    count = sum(1 for place, cell in enumerate(cells) if place in valued or cell.strip())
    if count > MAX_COLUMNS:
        raise ImportRefused(
            f"Line {line} names {count:,} columns; {MAX_COLUMNS} are allowed. "
            "Leave out what is not needed and try again."
        )
    names: list[str] = []
    places: list[int] = []
    notes = _notes_above(records[:at])
    for place, cell in enumerate(cells):
        name = clean_text(cell)[:MAX_NAME]
        if not name:
            # Beyond the header a cell belongs to a row that is too long, which is that row's problem.
            if place not in valued:
                continue
            name = f"Column {place + 1}"
            notes.append(f"Column {place + 1} has values but no name; it is called “{name}” here.")
        names.append(unlike(name, names))
        if names[-1] != name:
            notes.append(
                f"More than one column is called “{name}”; one of them is called “{names[-1]}” here."
            )
        places.append(place)
    return Header(line, tuple(names), tuple(places), tuple(cells), tuple(notes))


def taken_cells(cells: Sequence[str], header: Header) -> tuple[str, ...]:
    """Of a row the cells that stand below names."""
    length = len(cells)
    return tuple([cells[place] if place < length else "" for place in header.places])


def beside_names(cells: Sequence[str], header: Header) -> str:
    """What is wrong with a row that has a value below no name, "" if nothing."""
    if len(cells) == len(header.places) > header.places[-1]:
        return ""
    named = set(header.places)
    beside = (place for place, cell in enumerate(cells) if place not in named and cell.strip())
    place = next(beside, None)
    return "" if place is None else f"has a value in column {place + 1}, which has no name"


def is_footer(cells: Sequence[str], columns: int) -> bool:
    """Whether the row, one of the last of its file, closes the table: a total, a count, "Exported on …"."""
    filled = [text for cell in cells if (text := clean_text(cell))]
    if not filled or max(map(len, filled)) > 2 * MAX_NAME:
        return False
    if len(filled) == 1 and _SURE_FOOTER.fullmatch(filled[0]):
        return True
    # Beside a word for all, numbers may stand below their columns.
    few = all(map(_VALUE.fullmatch, filled[1:]))
    return columns > 1 and few and len(filled) < max(3, columns) and bool(_LIKELY_FOOTER.fullmatch(filled[0]))


def footers_of(rows: Sequence[Sequence[str]], header: Header) -> list[str]:
    """Of the last rows of a file, the texts of those that close it."""
    closing: list[str] = []
    for cells in reversed([cells for cells in rows if not is_blank(cells)]):
        if not is_footer(cells, len(header.names)):
            break
        closing.append(row_text(cells))
    return closing[::-1]


def footer_notes(footers: Sequence[str]) -> list[str]:
    """What has to be said of them."""
    return [f"A line that closes the table was left out: “{text[:_SHOWN]}”." for text in footers]


def row_text(cells: Sequence[str]) -> str:
    """All that stands in the row, by which it is known again."""
    return clean_text(" ".join(cells))


def _stands_apart(records: Sequence[Record], at: int) -> bool:
    """Whether nothing stands in the line below, as below a title."""
    below = records[at + 1] if at + 1 < len(records) else None
    return below is not None and (is_blank(below[1]) or below[0] > records[at][0] + 1)


def _filled(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if cell.strip())


def _places(cells: Sequence[str]) -> Iterator[int]:
    return (place for place, cell in enumerate(cells) if cell.strip())


def _points(cells: Sequence[str], usual: int, columns: int) -> int:
    """How much the row looks like names of columns, where rows fill ``usual`` of so many."""
    filled = [text for cell in cells if (text := clean_text(cell))]
    values = sum(1 for text in filled if len(text) > 2 * MAX_NAME or _VALUE.fullmatch(text))
    known = len({text.casefold() for text in filled if _is_name(text)})  # two columns have not one name
    labels = any(text.endswith(":") or text.startswith(("#TYPE", "--")) for text in filled)
    # One such word may be the value of a row.
    better = min(known, 3) if 2 * known >= len(filled) and (known > 1 or columns == 1) else 0
    return max(0, min(len(filled), usual) - values + better - labels)


def _is_name(text: str) -> bool:
    """Whether the text is made of words that name columns, and of little else."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-zß-ÿ])(?=[A-Z])", " ", text))
    return 0 < len(words) <= 4 and any(word.casefold() in _NAME_WORDS for word in words)


def _notes_above(above: Sequence[Record]) -> list[str]:
    told = [(line, clean_text(" ".join(cells))) for line, cells in above if not is_blank(cells)]
    if not told:
        return []
    shown = ", ".join(f"“{text[:_SHOWN]}”" for _, text in told[:3])
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return [f"What stands above the names of the columns was left out: {shown}{more}."]


def unlike(name: str, taken: Sequence[str]) -> str:
    """The name, with a number if one of those before it is the same."""
    result, number = name, 1
    while result in taken:
        number += 1
        result = f"{name} ({number})"
    return result
