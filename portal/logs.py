"""Log lines for people or for programs, each with the id of the request that it belongs to.

Whatever a request carries (a path, a header, a name) may stand in a line, but never begin one: what ends a
line, steers a terminal or turns the reading direction is written as an escape, in tracebacks too.
"""

from __future__ import annotations

import contextvars
import datetime as dt
import json
import logging
import sys
import unicodedata

NO_REQUEST = "-"
request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default=NO_REQUEST)

# What every record has; anything else was given as ``extra`` and belongs into a JSON line.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id", "taskName"}
# Django adds the whole request and its own socket or connection objects; none is for a log.
_LEFT_OUT = frozenset({"request", "status_code", "server_time"})

# Before every line but the first of an entry, which begins with its time: none can pass for an entry.
CONTINUED = "  | "


def escaped(text: str) -> str:
    r"""The text on one line: controls, line ends, direction marks and half signs as ``\n`` or ``\u202e``."""
    return text if text.isprintable() else "".join(map(_escaped_sign, text))


def _escaped_sign(sign: str) -> str:
    if sign.isprintable() or unicodedata.category(sign) == "Zs":
        return sign
    return json.dumps(sign)[1:-1]


class RequestIdFilter(logging.Filter):
    """Puts the id of the present request on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        # Django logs a refused request after the middleware is done with it, and names the request instead.
        named = getattr(getattr(record, "request", None), "request_id", None)
        record.request_id = named or request_id.get()
        return True


class ToldFilter(logging.Filter):
    """Leaves out what the queue says of a job that failed: integrations.tasks has told it, with a reason."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for an exception that calls itself told."""
        return not (record.exc_info and getattr(record.exc_info[1], "is_told", False))


class FaultFilter(logging.Filter):
    """Tells of a page that the database refused in one line: the traceback would say where it was noticed."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        from integrations.database.faults import fault_of  # settings are not there yet when this is

        error = record.exc_info[1] if record.exc_info else None
        if error is not None and (fault := fault_of(error)):
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            record.msg, record.args = "%s: the database is %s (%s)", (record.getMessage(), fault.value, said)
            record.exc_info = record.exc_text = None
        return True


def _time(record: logging.LogRecord) -> str:
    return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")


class LineFormatter(logging.Formatter):
    """One line an entry: time in UTC, level, request, logger, message; a traceback stands indented below."""

    def format(self, record: logging.LogRecord) -> str:
        """The entry. Only its first line begins with a time."""
        known = getattr(record, "request_id", NO_REQUEST)
        line = f"{_time(record)} {record.levelname} {known} {record.name} {record.getMessage()}"
        below = self.formatException(record.exc_info).split("\n") if record.exc_info else []
        if record.stack_info:
            below += self.formatStack(record.stack_info).split("\n")
        return "\n".join([escaped(line), *(CONTINUED + escaped(each) for each in below)])


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request, and what was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback becomes one field and names no local variables."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        found = getattr(record, "request_id", NO_REQUEST)
        if found != NO_REQUEST:
            line["request"] = found
        line |= {
            name: value
            for name, value in vars(record).items()
            if name not in _USUAL | _LEFT_OUT and isinstance(value, str | int | float | bool)
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return escaped(json.dumps(line, ensure_ascii=False))  # JSON itself escapes only a few signs


FORMATTERS: dict[str, type[logging.Formatter]] = {"line": LineFormatter, "json": JsonFormatter}


class ConsoleHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic for type checkers only
    """To standard error. A record that cannot be formatted is told of without what it was to say."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the library's name
        """Python would print the bare arguments, which a request may have brought."""
        kind, _, _ = sys.exc_info()
        place = f"{record.pathname}:{record.lineno}"
        told = f"{kind.__name__ if kind else 'Error'} while {place} wrote to the log"
        sys.stderr.write(f"{_time(record)} ERROR {NO_REQUEST} {escaped(record.name)} {escaped(told)}\n")


def logging_settings(level: str, layout: str) -> dict[str, object]:
    """Django's LOGGING for a layout: "line" for people, "json" for programs."""
    # Django gives these two handlers and formatters of their own, which escape nothing.
    through_the_root = {"handlers": [], "level": "NOTSET", "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": RequestIdFilter},
            "told": {"()": ToldFilter},
            "fault": {"()": FaultFilter},
        },
        "formatters": {name: {"()": formatter} for name, formatter in FORMATTERS.items()},
        "handlers": {
            "console": {
                "class": "portal.logs.ConsoleHandler",
                "formatter": layout,
                "filters": ["request_id"],
            }
        },
        "loggers": {
            "django": through_the_root,
            "django.server": through_the_root,
            "django.request": through_the_root | {"filters": ["fault"]},
            # At DEBUG they write the whole context of a template, and paths that receivers keep secret.
            "django.template": {"level": "INFO"},
            "urllib3": {"level": "INFO"},
            # integrations.tasks says what became of a job, in one line.
            "django_tasks": {"level": "WARNING", "filters": ["told"]},
            "django_tasks_db": {"level": "WARNING"},
        },
        "root": {"handlers": ["console"], "level": level},
    }
