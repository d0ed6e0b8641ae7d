"""gunicorn's threads, and threads of their own for probes: whatever all others wait for, these answer.

A connection gets a thread when its first bytes are there, and they say which. Without TLS, which the proxy
ends.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from integrations.database.in_use import say_in_use
from integrations.database.limits import limit_own_thread, limit_process
from portal import probe_threads
from portal.parent import parent_pipe

PROBE_THREADS = 8  # they only wait for those of portal/probe_threads.py
ASKS_FOR_PROBE = re.compile(rb"(?:GET|HEAD) /(?:healthz|readyz|readyz/web|metrics)[ ?]")
ASKS_FOR_LIFE = re.compile(rb"(?:GET|HEAD) /healthz[ ?]")
LONGEST = len(b"HEAD /readyz/web?")


class ProbedWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no type information
    """The web server's process. Its name stands in ``integrations/management/processes.py``."""

    def init_process(self) -> None:
        """Make the threads of the probes beside all others; runs until the process ends."""
        limit_process("web")
        say_in_use()
        self.probes = ThreadPoolExecutor(
            PROBE_THREADS, thread_name_prefix="probe", initializer=partial(limit_own_thread, "probe")
        )
        # A thread that never has a connection to the database, so that nothing of it can hold it.
        self.life = ThreadPoolExecutor(1, thread_name_prefix="life")
        probe_threads.begin()
        super().init_process()

    def run(self) -> None:
        """Take connections until the end; also that of the process that has started the web server."""
        pipe = parent_pipe()
        if pipe is not None:
            self.poller.register(pipe, selectors.EVENT_READ, self.end_web_server)
        super().run()

    def end_web_server(self, pipe: int) -> None:
        """What started it is gone, and nobody would start it again or end it: let it end as by SIGTERM."""
        self.poller.unregister(pipe)
        self.log.warning("The process that started the web server is gone; it ends, too.")
        if self.is_parent_alive():
            os.kill(self.ppid, signal.SIGTERM)

    def accept(self, listener: socket.socket) -> None:
        """Take a connection and wait for its first bytes without a thread."""
        try:
            link, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        connection = TConn(self.cfg, link, client, listener.getsockname())
        if _first_bytes(link):
            connection.data_ready = True
            self.enqueue_req(connection)
            return
        connection.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(connection)
        self.poller.register(link, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def set_accept_enabled(self, enabled: bool) -> None:
        """Before this process ends: take whoever has connected already, then be refused to everybody else.

        What waited at an address that is closed later would be cut, and a proxy may not send a change twice;
        after a refusal it goes on to another machine.
        """
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            before = -1
            while before != self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()

    def enqueue_req(self, conn: Any) -> None:
        """Give the connection to a thread: of the probes, or of all others."""
        begin = _first_bytes(conn.sock)
        if not ASKS_FOR_PROBE.match(begin):
            super().enqueue_req(conn)
            return
        threads = self.life if ASKS_FOR_LIFE.match(begin) else self.probes
        answered = threads.submit(self.handle, conn)
        answered.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))


def _first_bytes(link: socket.socket) -> bytes:
    """What has come in so far, left where it is; b"" for nothing yet."""
    try:
        return link.recv(LONGEST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""
