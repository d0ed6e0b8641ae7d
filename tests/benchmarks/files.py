"""How long a file of 100,000 rows takes to read, and how much memory, its child process included.

Run from the root of the project::

    .venv/bin/python -m tests.benchmarks.files [--rows 100000]

Each file is made, then read to its end in a process of its own; of that process and of the child that opens
a workbook the peak memory is measured. Files that are made to do harm have to be refused, with the process
alive.
Ends with 1 when a file takes more than 250 MB, or something is not refused within what a child may take.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.workbooks import Sheet, ods, xlsx, zipped

ROOT = Path(__file__).resolve().parents[2]
MEGABYTES = 250
CAP = 450  # the child's own, and some for its parent
READ = """
import pathlib, resource, sys, time
from integrations.files.table import ImportRefused, open_table
began, rows = time.perf_counter(), 0
with open(sys.argv[1], "rb") as file:
    try:
        with open_table(file) as table:
            for _ in table.rows:
                rows += 1
            told = f"{rows:,} rows"
    except ImportRefused as refused:
        told = f"refused: {refused}"
# Of this process from its beginning on: what the one that started it had in use counts in rusage.
own = int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
peaks = own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(f"{time.perf_counter() - began:.1f}", *peaks, told, sep="\\t")
"""
NAMES = [
    "Name",
    "External ID",
    "Street",
    "City",
    "Postal Code",
    "Phone",
    "Web Site",
    "Active",
    "Since",
    "Amount",
]


def rows(count: int) -> Iterator[list[object]]:
    """Rows of ten columns, like those of an export."""
    for n in range(count):
        yield [f"Company {n} GmbH", f"K-{n}", f"Some Street {n}", "Springfield", f"{n:05}", f"+49 30 {n}",
               f"www.company{n}.example", n % 7 > 0, "2024-01-01", n * 1.5]  # fmt: skip


def files(count: int) -> Iterator[tuple[str, bytes]]:
    """The files that are read, by name."""
    text = io.StringIO()
    csv.writer(text).writerows([NAMES, *rows(count)])
    yield "large.csv", text.getvalue().encode()
    yield "large-utf16.csv", text.getvalue().encode("utf-16")
    objects = [dict(zip(NAMES, row, strict=True)) for row in rows(count)]
    yield "large.json", json.dumps(objects).encode()
    yield "large-envelope.json", json.dumps({"page": {"count": count}, "sites": objects}).encode()
    yield "large-lines.jsonl", "\n".join(map(json.dumps, objects)).encode()
    yield "large.xlsx", xlsx({"Customers": [NAMES, *rows(count)]})
    yield "large.ods", ods({"Customers": [NAMES, *rows(count)]})


def bombs() -> Iterator[tuple[str, bytes]]:
    """The files that have to be refused, by name."""
    small = [["Name", "City"], ["Acme", "Lima"]]
    yield "far-cells.xlsx", xlsx({"S": Sheet(small, at="XFD1048576")})
    yield "zip-bomb.xlsx", zipped({"xl/workbook.xml": bytes(600_000_000)})
    yield "shared-bomb.xlsx", xlsx({"S": [["x" * 32_000] * 200] * 60})
    wide = (
        '<table:table-cell table:number-columns-repeated="1000000" office:value-type="string">'
        "<text:p>x</text:p></table:table-cell>"
    )
    yield "million-columns.ods", ods({"S": small}, before=wide)
    yield "million-columns.csv", b",".join([b"c"] * 1_000_000) + b"\n"
    yield "deep.json", b'{"a":' * 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    failed = 0
    sys.stdout.write("file\tMB\tseconds\tpeak MB\tchild's MB\twhat came of it\n")
    with tempfile.TemporaryDirectory() as folder:
        for made, wanted, most in (
            (files(options.rows), f"{options.rows:,} rows", MEGABYTES),
            (bombs(), "refused", CAP),
        ):
            for name, content in made:
                path = Path(folder, name)
                path.write_bytes(content)
                size = len(content)
                del content
                ran = subprocess.run(
                    [sys.executable, "-c", READ, str(path)],
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                seconds, own, child, told = (
                    ran.stdout.strip().split("\t") if ran.stdout else ("", "0", "0", "died")
                )
                good = told.startswith(wanted) and int(own) + int(child) <= most
                failed += not good
                told += "" if good else "\tMISSED"
                sys.stdout.write("\t".join([name, f"{size / 1e6:.1f}", seconds, own, child, told]) + "\n")
                sys.stdout.flush()
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
