"""The simulator: tenants, zones, limits and faults behind one or more ports of this machine.

It speaks the part of the Autotask REST API that concerns zones, credentials, companies and the request
budget, and shares no code with the client that is tested against it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Self

from integrations.simulators.autotask import control, endpoints
from integrations.simulators.autotask.calls import Call
from integrations.simulators.autotask.fault_effects import (
    limit_refusal,
    replacement,
    spoiled,
)
from integrations.simulators.autotask.fault_kinds import FaultName, OptionValue
from integrations.simulators.autotask.faults import ActiveFault, ActiveFaults
from integrations.simulators.autotask.limits import (
    THREAD_LIMIT_TEXT,
    ThreadGate,
    hourly_limit_text,
    usage_latency,
)
from integrations.simulators.autotask.request_log import SECRET_HEADERS, RequestLog
from integrations.simulators.autotask.tenant import DEFAULT_ZONE, Tenant
from integrations.simulators.autotask.transport import Finish, Listener
from integrations.simulators.autotask.wire import (
    Answer,
    Request,
    ZoneAddress,
    no_such_method,
    no_such_path,
    refusal,
    unauthorized,
)

Release = Callable[[], None]


def _nothing() -> None:
    """Nothing to release."""


class Simulator:
    """A running Autotask for one or more tenants; a context manager that starts and stops it.

    ``port`` 0 takes a free one. ``latency`` is added to every answer, in seconds; ``usage_latency_scale``
    multiplies the delay that the service adds above half of the hourly budget (0: none, 1: as the service).
    The first port serves discovery and every zone that has no port of its own; ``zone_ports`` says which port
    a zone gets that needs one, so that a client can be told of it beforehand (otherwise a free one).

    Raises ValueError when two tenants share a user.

    After starting: ``base_url`` (what a client is given for discovery), ``api_url``, ``requests`` (the log)
    and ``faults``.
    """

    def __init__(
        self,
        tenants: Iterable[Tenant],
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        latency: float = 0.0,
        usage_latency_scale: float = 0.0,
        zone_ports: Mapping[int, int] | None = None,
    ) -> None:
        self.tenants: dict[str, Tenant] = {}
        for tenant in tenants:
            if tenant.username.lower() in self.tenants:
                message = f"two tenants have the user {tenant.username}"
                raise ValueError(message)
            self.tenants[tenant.username.lower()] = tenant
        self.faults = ActiveFaults()
        self.requests = RequestLog()
        self.latency = latency
        self.usage_latency_scale = usage_latency_scale
        self._host, self._port = host, port
        self._zone_ports = dict(zone_ports or {})
        self._gate = ThreadGate()
        self._stopping = threading.Event()
        self._home: Listener | None = None
        self._home_zones = {tenant.zone for tenant in self.tenants.values()} or {DEFAULT_ZONE}
        self._zones: dict[int, Listener] = {}
        self._moved: dict[str, int] = {}
        self._lock = threading.RLock()

    # --- starting and stopping ---

    def start(self) -> Self:
        """Listen. Raises OSError when the port is taken."""
        self._stopping.clear()
        zone = next((tenant.zone for tenant in self.tenants.values()), DEFAULT_ZONE)
        self._home = Listener(self._host, self._port, zone, self._respond, self._stopping)
        self._home.start()
        return self

    def stop(self) -> None:
        """Close every connection and port, and end every thread."""
        self._stopping.set()
        with self._lock:
            listeners = [*self._zones.values(), *([self._home] if self._home else [])]
            self._zones.clear()
        for listener in listeners:
            listener.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    # --- addresses and zones ---

    @property
    def _first(self) -> Listener:
        if self._home is None:
            message = "the simulator has not been started"
            raise RuntimeError(message)
        return self._home

    @property
    def base_url(self) -> str:
        """Where discovery is asked, without a final slash."""
        return self._first.zone.base_url

    @property
    def api_url(self) -> str:
        """The API address of the first port, with a final slash and without the version."""
        return self._first.zone.api_url

    def add_zone(self, number: int) -> ZoneAddress:
        """Give a zone a port of its own; the address it already has when there is one."""
        with self._lock:
            if number not in self._zones:
                port = self._zone_ports.get(number, 0)
                listener = Listener(self._host, port, number, self._respond, self._stopping)
                listener.start()
                self._zones[number] = listener
                self._home_zones.discard(number)
            return self._zones[number].zone

    def zone_of(self, tenant: Tenant) -> ZoneAddress:
        """Where the tenant lives now."""
        with self._lock:
            listener = self._zones.get(tenant.zone)
        return listener.zone if listener else self._first.zone

    def move_tenant(self, username: str, zone: int) -> ZoneAddress:
        """Let the tenant live in another zone, which gets a port of its own unless it has one.

        From then on the old address answers 401 to it. Raises KeyError for an unknown user.
        """
        tenant = self.tenants[username.lower()]
        with self._lock:
            if zone not in self._home_zones:
                self.add_zone(zone)
            tenant.zone = zone
        return self.zone_of(tenant)

    # --- faults ---

    def inject(self, name: str, **options: OptionValue) -> ActiveFault:
        """Switch a fault on: see ``faults.FAULTS`` for names and options. Raises FaultError."""
        fault = self.faults.inject(name, **options)
        if fault.kind.name is FaultName.ZONE_MOVED:
            for tenant in self.tenants.values():
                if fault.tenant.lower() in {"", tenant.username.lower()}:
                    self._moved.setdefault(tenant.username, tenant.zone)
                    self.move_tenant(tenant.username, int(str(fault.options["zone"])))
        return fault

    def clear(self) -> None:
        """Switch every fault off; a tenant that a fault moved goes home."""
        self.faults.clear()
        for username, zone in self._moved.items():
            self.move_tenant(username, zone)
        self._moved.clear()

    # --- answering ---

    def _respond(self, request: Request) -> tuple[Answer, Finish]:
        if control.is_control(request):
            return control.answer(self, request), lambda _sent: None
        tenant = self.tenants.get(request.username.lower())
        entry = self.requests.begin(
            zone=request.zone.number,
            method=request.method,
            path=request.path,
            query=_without_secrets(request.query, self.tenants.values()),
            headers=_without_secrets(request.headers, self.tenants.values()),
            body=request.body,
            tenant=tenant.username if tenant else "",
        )
        answer, release = self._answer(request, tenant)

        def finish(sent: int) -> None:
            release()
            entry.sent = sent
            entry.status = 0 if answer.delivery.drop else answer.status
            entry.ended = time.monotonic()

        return answer, finish

    def _answer(self, request: Request, tenant: Tenant | None) -> tuple[Answer, Release]:
        """The answer, faults included, and what to release once it has been sent."""
        self._wait(self.latency + self._fault_seconds(FaultName.LATENCY, "seconds", request))
        replaced = replacement(self.faults, request)
        if replaced is not None:
            return replaced, _nothing
        answer, release = self._genuine_answer(request, tenant)
        return spoiled(self.faults, request, answer), release

    def _genuine_answer(self, request: Request, tenant: Tenant | None) -> tuple[Answer, Release]:
        if endpoints.is_version_information(request):
            return _only_get(request, endpoints.version_information), _nothing
        if endpoints.is_zone_information(request):
            address = self.zone_of(tenant).api_url if tenant else ""
            return (
                _only_get(
                    request,
                    lambda: endpoints.zone_information(request, tenant, address, self.faults),
                ),
                _nothing,
            )
        endpoint = endpoints.find_endpoint(request)
        if endpoint is None:
            return no_such_path(request), _nothing
        refused = self._credentials_refusal(request, tenant)
        if refused is not None or tenant is None:
            return refused or unauthorized(request), _nothing
        handler = endpoint.handlers.get(request.method)
        if handler is None or not endpoint.fits(request):
            return no_such_method(request.method), _nothing
        refused = limit_refusal(self.faults, request, tenant.budget.limit)
        if refused is not None:
            return refused, _nothing
        if not tenant.budget.take():
            return refusal(429, hourly_limit_text(tenant.budget.limit)), _nothing
        key = (tenant.tracking_identifier, endpoint.name)
        if not self._gate.enter(key):
            return refusal(429, THREAD_LIMIT_TEXT), _nothing
        try:
            self._wait_for_usage(request, tenant)
            answer = handler(Call(request, tenant, self.faults))
        except BaseException:
            self._gate.leave(key)
            raise
        return answer, lambda: self._gate.leave(key)

    def _credentials_refusal(self, request: Request, tenant: Tenant | None) -> Answer | None:
        """The refusal of wrong credentials, or None when they are accepted."""
        refused = unauthorized(request)
        if self.faults.take(FaultName.LOCKED_USER, request) is not None or tenant is None:
            return refused
        unknown = self.faults.take(FaultName.UNKNOWN_USER, request)
        if unknown is not None:
            return refusal(500, endpoints.NO_ZONE_TEXT) if unknown["status"] == 500 else refused
        if self.zone_of(tenant) != request.zone or not tenant.active:
            return refused
        if not tenant.knows_secret(request.headers.get("secret", "")):
            tenant.note_sign_in(accepted=False)
            return refused
        pretended = self.faults.take(FaultName.TRACKING_IDENTIFIER_REFUSED, request)
        known = tenant.knows_tracking_identifier(request.headers.get("apiintegrationcode", ""))
        if known and pretended is None:
            tenant.note_sign_in(accepted=True)
            return None
        tenant.note_sign_in(accepted=False)
        older = self.faults.take(FaultName.WRONG_TRACKING_IDENTIFIER_500, request) is not None
        if older or (pretended is not None and pretended["status"] == 500):
            return refusal(500, "IntegrationCode is invalid")
        return refused

    # --- waiting ---

    def _fault_seconds(self, name: FaultName, option: str, request: Request) -> float:
        options = self.faults.take(name, request)
        return float(str(options[option])) if options is not None else 0.0

    def _wait_for_usage(self, request: Request, tenant: Tenant) -> None:
        scale = self.usage_latency_scale
        scale = self._fault_seconds(FaultName.LATENCY_BY_USAGE, "scale", request) or scale
        if scale > 0:
            self._wait(usage_latency(tenant.budget.share) * scale)

    def _wait(self, seconds: float) -> None:
        """Wait, but no longer than the simulator runs."""
        if seconds > 0:
            self._stopping.wait(seconds)


def _only_get(request: Request, answer: Callable[[], Answer]) -> Answer:
    return answer() if request.method == "GET" else no_such_method(request.method)


def _without_secrets(values: Mapping[str, str], tenants: Iterable[Tenant]) -> dict[str, str]:
    """The values with "accepted" or "refused" in the place of each secret."""
    shown = dict(values)
    for name in SECRET_HEADERS:
        given = shown.get(name)
        if given is None:
            continue
        known = any(
            tenant.knows_secret(given) if name == "secret" else tenant.knows_tracking_identifier(given)
            for tenant in tenants
        )
        shown[name] = "accepted" if known else "refused"
    return shown
