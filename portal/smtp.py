"""Mail to a mail server within one deadline, however slowly that answers.

A timeout of the standard library holds for each read: a server that sends a line now and then would keep a
worker for hours.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
from threading import Timer
from typing import Any

from django.core.mail.backends.smtp import EmailBackend as DjangoBackend

READS = 8  # the deadline, in timeouts of one read: 56 seconds, below AlertMessage.CLAIM_LASTS


class _Timed(smtplib.SMTP):
    """Its connection is shut down when the deadline has come, also below TLS."""

    _line: socket.socket | None = None
    _timer: Timer | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self._line = connection.dup()  # the one that is returned is replaced when TLS begins
        self._timer = Timer(READS * timeout, _cut, [self._line])
        self._timer.daemon = True
        self._timer.start()
        return connection

    def connect(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        """Connect as the standard library does; a connection that fails leaves nothing behind."""
        try:
            return super().connect(*args, **options)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, which needs no deadline then."""
        super().close()
        if self._timer is not None and self._line is not None:
            self._timer.cancel()
            self._line.close()


class _TimedTLS(smtplib.SMTP_SSL, _Timed):
    """The same with TLS from the beginning."""


def _cut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed a moment ago
        line.shutdown(socket.SHUT_RDWR)


class EmailBackend(DjangoBackend):
    """Django's, with a deadline for the whole exchange."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """What speaks to the server."""
        return _TimedTLS if self.use_ssl else _Timed
