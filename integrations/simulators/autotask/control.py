"""The control endpoint: faults switched, and requests looked at, from another process.

``/__control__/faults``: ``POST {"name": "...", ...options}`` (or a list of these) switches on, ``GET`` shows
the active ones and all that exist, ``DELETE`` clears. ``/__control__/requests``: ``GET`` shows the log,
``DELETE`` empties it.
"""

from __future__ import annotations

from typing import Protocol

from integrations.simulators.autotask.fault_kinds import FAULTS, OptionValue
from integrations.simulators.autotask.faults import ActiveFault, ActiveFaults, FaultError
from integrations.simulators.autotask.request_log import RequestLog
from integrations.simulators.autotask.wire import Answer, Request, no_such_method, no_such_path, refusal

PREFIX = "/__control__/"


class Controlled(Protocol):
    """What of a simulator can be looked at and switched from outside."""

    faults: ActiveFaults
    requests: RequestLog

    def inject(self, name: str, **options: OptionValue) -> ActiveFault:
        """Switch a fault on. Raises FaultError."""

    def clear(self) -> None:
        """Switch every fault off."""


def is_control(request: Request) -> bool:
    """Whether the request is for the simulator itself and not for the simulated service."""
    return request.path.startswith(PREFIX)


def answer(simulator: Controlled, request: Request) -> Answer:
    """Do what a control request asks for."""
    match request.method, request.route:
        case "GET", "/__control__/faults":
            return _show_faults(simulator)
        case "POST", "/__control__/faults":
            return _inject(simulator, request)
        case "DELETE", "/__control__/faults":
            simulator.clear()
            return _show_faults(simulator)
        case "GET", "/__control__/requests":
            return Answer(payload={"requests": [entry.as_json() for entry in simulator.requests]})
        case "DELETE", "/__control__/requests":
            simulator.requests.clear()
            return Answer(payload={"requests": []})
        case method, "/__control__/faults" | "/__control__/requests":
            return no_such_method(method)
        case _:
            return no_such_path(request)


def _show_faults(simulator: Controlled) -> Answer:
    return Answer(
        payload={
            "active": [fault.as_json() for fault in simulator.faults],
            "known": {
                str(name): {"description": kind.description, "options": dict(kind.options)}
                for name, kind in FAULTS.items()
            },
        }
    )


def _inject(simulator: Controlled, request: Request) -> Answer:
    content = request.json()
    wanted = content if isinstance(content, list) else [content]
    for entry in wanted:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            return refusal(400, "a fault is an object with a name")
        options = {str(key): value for key, value in entry.items() if key != "name"}
        try:
            simulator.inject(entry["name"], **options)
        except FaultError as error:
            return refusal(400, str(error))
    return _show_faults(simulator)
