"""What the faults do to an answer: put another in its place, spoil it, or spoil a page of companies."""

from __future__ import annotations

import dataclasses
import email.utils
import gzip
import time
import zlib
from collections.abc import Callable, Mapping
from typing import cast

from integrations.simulators.autotask.company_store import CompanyStore, Row, company_row
from integrations.simulators.autotask.fault_contents import Options, number, with_other_contents
from integrations.simulators.autotask.fault_kinds import FaultName
from integrations.simulators.autotask.faults import ActiveFaults
from integrations.simulators.autotask.limits import THREAD_LIMIT_TEXT, hourly_limit_text
from integrations.simulators.autotask.paging import Cursor, Page
from integrations.simulators.autotask.wire import Answer, Delivery, Request, refusal

COMPRESSED_FROM = 1024  # bytes; below that, gzip gains nothing

_HTML = b"""<!DOCTYPE html>
<html><head><title>Service unavailable</title></head>
<body><h1>Service unavailable</h1><p>Please try again later.</p></body></html>
"""


# --- instead of the answer ---------------------------------------------------------------------------


def _huge_body(options: Options) -> Answer:
    head, tail = b'{"items":[],"padding":"', b'"}'
    return Answer(body=head + b"x" * max(0, number(options, "bytes") - len(head) - len(tail)) + tail)


def _gzip_bomb(options: Options) -> Answer:
    return Answer(body=_compressed_spaces(number(options, "bytes")), headers={"Content-Encoding": "gzip"})


def _compressed_spaces(size: int) -> bytes:
    """A gzip stream of ``size`` spaces (rounded up to a mebibyte), made by repeating one compressed block."""
    block = b" " * 1024 * 1024
    repeats = max(1, -(-size // len(block)))
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(repeats):
        checksum = zlib.crc32(block, checksum)
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    trailer = checksum.to_bytes(4, "little") + (repeats * len(block) % 2**32).to_bytes(4, "little")
    return header + packed * repeats + b"\x03\x00" + trailer


def _deep_json(options: Options) -> Answer:
    depth = number(options, "depth")
    return Answer(body=b'{"items":' + b"[" * depth + b"]" * depth + b"}")


PASSING_TEXTS = {
    "deadlock": "Transaction (Process ID 71) was deadlocked on lock resources with another process and has "
    "been chosen as the deadlock victim. Rerun the transaction.",
    "timeout": "Execution Timeout Expired. The timeout period elapsed before completion of the operation or "
    "the server is not responding.",
    "support": "An unexpected error occurred while processing your request. Please contact Autotask support.",
}


def _retry_after(options: Options) -> dict[str, str]:
    """The header that tells when to come back: seconds, or for ``date:5`` the moment in five seconds."""
    asked = str(options["retry_after"])
    if asked.startswith("date:"):
        asked = email.utils.formatdate(time.time() + float(asked.removeprefix("date:")), usegmt=True)
    return {"Retry-After": asked} if asked else {}


_REPLACEMENTS: Mapping[FaultName, Callable[[Options], Answer]] = {
    FaultName.DROPPED_BEFORE_ANSWER: lambda _options: Answer(body=b"", delivery=Delivery(drop=True)),
    FaultName.GATEWAY_ERROR: lambda options: Answer(
        number(options, "status"), body=b"", headers=_retry_after(options)
    ),
    FaultName.PASSING_FAULT: lambda options: refusal(500, PASSING_TEXTS[str(options["what"])]),
    FaultName.SERVER_ERROR: lambda options: refusal(number(options, "status"), str(options["text"])),
    FaultName.HTML_PAGE: lambda options: Answer(
        number(options, "status"), body=_HTML, content_type="text/html; charset=utf-8"
    ),
    FaultName.REDIRECT: lambda options: Answer(
        number(options, "status"), body=b"", headers={"Location": str(options["location"])}
    ),
    FaultName.EMPTY_BODY: lambda _options: Answer(body=b""),
    FaultName.BAD_ENCODING: lambda _options: Answer(body=b'{"items":[{"companyName":"\xff\xfe"}]}'),
    FaultName.ERRORS_IN_200: lambda _options: refusal(200, "An error occurred while processing the request."),
    FaultName.HUGE_BODY: _huge_body,
    FaultName.GZIP_BOMB: _gzip_bomb,
    FaultName.DEEP_JSON: _deep_json,
}


def replacement(faults: ActiveFaults, request: Request) -> Answer | None:
    """The answer that a fault puts in the place of the real one, or None."""
    for name, make in _REPLACEMENTS.items():
        options = faults.take(name, request)
        if options is not None:
            return _delivered(faults, request, make(options))
    return None


def limit_refusal(faults: ActiveFaults, request: Request, hourly_limit: int) -> Answer | None:
    """The refusal of a call with credentials because of a limit that a fault pretends, or None."""
    options = faults.take(FaultName.HOURLY_LIMIT, request)
    if options is not None:
        return refusal(number(options, "status"), hourly_limit_text(hourly_limit))
    options = faults.take(FaultName.THREAD_LIMIT, request)
    if options is not None:
        refused = refusal(number(options, "status"), THREAD_LIMIT_TEXT)
        return dataclasses.replace(refused, headers=_retry_after(options))
    return None


# --- a spoiled answer --------------------------------------------------------------------------------


def _dropped_mid_body(options: Options, answer: Answer) -> Answer:
    cut = int(len(answer.encoded()) * cast("float", options["share"]))
    return dataclasses.replace(answer, delivery=dataclasses.replace(answer.delivery, cut_after=cut))


def _slow_answer(options: Options, answer: Answer) -> Answer:
    delivery = dataclasses.replace(
        answer.delivery,
        drip=max(1, number(options, "bytes")),
        pause=cast("float", options["pause"]),
    )
    return dataclasses.replace(answer, delivery=delivery)


def _compressed(_options: Options, answer: Answer) -> Answer:
    return compressed(answer)


def compressed(answer: Answer, *, at_least: int = 1) -> Answer:
    """The answer with its body in gzip, unless it is already or has fewer than ``at_least`` bytes."""
    body = answer.encoded()
    if len(body) < at_least or "Content-Encoding" in answer.headers:
        return dataclasses.replace(answer, body=body)
    return dataclasses.replace(
        answer,
        body=gzip.compress(body, compresslevel=1, mtime=0),
        headers={**answer.headers, "Content-Encoding": "gzip"},
    )


def _clock_off(options: Options, answer: Answer) -> Answer:
    moment = time.time() + 60 * cast("float", options["minutes"])
    headers = {**answer.headers, "Date": email.utils.formatdate(moment, usegmt=True)}
    return dataclasses.replace(answer, headers=headers)


_DELIVERY_CHANGES: Mapping[FaultName, Callable[[Options, Answer], Answer]] = {
    FaultName.CLOCK_OFF: _clock_off,
    FaultName.GZIP: _compressed,
    FaultName.DROPPED_MID_BODY: _dropped_mid_body,
    FaultName.SLOW_ANSWER: _slow_answer,
}


def spoiled(faults: ActiveFaults, request: Request, answer: Answer) -> Answer:
    """The answer as the active faults leave its contents and its delivery."""
    if answer.status == 200 and answer.body is None:
        answer = with_other_contents(faults, request, answer)
        if "gzip" in request.headers.get("accept-encoding", "").lower():
            answer = compressed(answer, at_least=COMPRESSED_FROM)
    return _delivered(faults, request, answer)


def _delivered(faults: ActiveFaults, request: Request, answer: Answer) -> Answer:
    for name, change in _DELIVERY_CHANGES.items():
        options = faults.take(name, request)
        if options is not None:
            answer = change(options, answer)
    return answer


# --- a spoiled page ----------------------------------------------------------------------------------


def spoiled_page(
    faults: ActiveFaults, request: Request, page: Page, cursor: Cursor, store: CompanyStore
) -> Page:
    """The page of companies as the active faults leave it."""
    if faults.take(FaultName.ENDLESS_PAGING, request) is not None:
        page = _endless(page, cursor)
    if faults.take(FaultName.REPEATED_PAGE, request) is not None:
        page = dataclasses.replace(page, following=cursor)
    if page.following and faults.take(FaultName.PAGING_ENDS_EARLY, request) is not None:
        page = dataclasses.replace(page, following=None)
    if (
        page.rows
        and not page.following
        and faults.take(FaultName.NEXT_PAGE_AFTER_THE_LAST, request) is not None
    ):
        last = cast("int", page.rows[-1]["id"])
        page = dataclasses.replace(
            page, following=Cursor(cursor.page_size, last, (*cursor.earlier, cursor.after))
        )
    options = faults.take(FaultName.COUNTED_BUT_NOT_GIVEN, request)
    if options is not None:
        every = max(1, number(options, "every"))
        given = tuple(row for row in page.rows if cast("int", row["id"]) % every)
        page = dataclasses.replace(page, rows=given)
    options = faults.take(FaultName.DUPLICATE_ROWS, request) if page.rows else None
    if options is not None:
        twice = page.rows[0] if options["over"] == "page" else store.snapshot().find(cursor.after)
        page = dataclasses.replace(page, rows=(twice, *page.rows) if twice else page.rows)
    return page


def _endless(page: Page, cursor: Cursor) -> Page:
    """The page filled up with invented companies, and a page after it."""
    rows = list(page.rows)
    last = cast("int", rows[-1]["id"]) if rows else cursor.after
    while len(rows) < cursor.page_size:
        last += 1
        rows.append(company_row({"id": last, "companyName": f"Company without end {last}"}))
    following = Cursor(cursor.page_size, last, (*cursor.earlier, cursor.after)[-50:])
    return dataclasses.replace(page, rows=tuple(rows), following=page.following or following)


def change_companies(store: CompanyStore, cursor: Cursor, page_size: int) -> None:
    """Change the data behind the next page: remove its first company, rename its last, add one at the end."""
    snapshot = store.snapshot()
    upcoming: list[Row] = []
    for row in snapshot.after(cursor.after):
        upcoming.append(row)
        if len(upcoming) == page_size:
            break
    if len(upcoming) > 1:
        store.remove(cast("int", upcoming[0]["id"]))
    if upcoming:
        last = upcoming[-1]
        store.change(cast("int", last["id"]), {"companyName": f"{last['companyName']} (renamed)"})
    newest = snapshot.ids[-1] + 1 if snapshot.ids else 1
    store.put({"id": newest, "companyName": "Came in between"})
