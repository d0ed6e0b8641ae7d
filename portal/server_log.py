"""What gunicorn itself says, and its access log where it is turned on, in the form of the portal's log."""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import Logger

from portal.environment import text
from portal.logs import FORMATTERS


class EscapingLogger(Logger):  # type: ignore[misc]  # gunicorn has no type information
    """gunicorn's logger with our formatters: its own write a request's bytes as they came."""

    def _set_handler(
        self, log: logging.Logger, output: str | None, fmt: logging.Formatter, stream: Any = None
    ) -> None:
        super()._set_handler(log, output, FORMATTERS[text("LOG_FORMAT", "line")](), stream)

    def _set_syslog_handler(self, log: logging.Logger, cfg: Any, fmt: str, name: str) -> None:
        super()._set_syslog_handler(log, cfg, fmt, name)
        for handler in log.handlers:
            handler.setFormatter(FORMATTERS[text("LOG_FORMAT", "line")]())
