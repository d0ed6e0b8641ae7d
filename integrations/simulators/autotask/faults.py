"""The faults that are switched on, and which of them a request meets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from integrations.simulators.autotask.fault_kinds import FAULTS, FaultKind, FaultName, OptionValue
from integrations.simulators.autotask.wire import Request


class FaultError(ValueError):
    """A fault that does not exist, or an option that it does not know."""


LIMITS = ("times", "skip", "path", "method", "tenant")


@dataclass(slots=True)
class ActiveFault:
    """A fault that is switched on.

    It hits requests whose route contains ``path`` (any casing), whose verb is ``method`` and which are about
    the user ``tenant`` (each where given), after letting ``skip`` of them pass, at most ``times`` times.
    """

    kind: FaultKind
    options: Mapping[str, OptionValue]
    path: str = ""
    method: str = ""
    tenant: str = ""
    skip: int = 0
    times: int | None = None
    hits: int = 0

    def matches(self, request: Request) -> bool:
        """Whether the request is one that this fault is meant for."""
        return (
            self.path.lower() in request.route
            and self.method.upper() in {"", request.method}
            and self.tenant.lower() in {"", request.username.lower()}
        )

    def as_json(self) -> dict[str, OptionValue]:
        """What the control endpoint tells about it."""
        return {
            "name": str(self.kind.name),
            **self.options,
            "path": self.path,
            "method": self.method,
            "tenant": self.tenant,
            "skip": self.skip,
            "times": self.times,
            "hits": self.hits,
        }


class ActiveFaults:
    """The faults that are switched on, in the order of switching. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[ActiveFault] = []

    def __iter__(self) -> Iterator[ActiveFault]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())

    def all(self) -> tuple[ActiveFault, ...]:
        """The active faults now."""
        with self._lock:
            return tuple(self._active)

    def inject(self, name: str, **options: OptionValue) -> ActiveFault:
        """Switch a fault on. Options are the fault's own and those of every fault: see ActiveFault.

        Raises FaultError for an unknown name or option.
        """
        fault = _active_fault(name, options)
        with self._lock:
            self._active.append(fault)
        return fault

    def clear(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self._active.clear()

    def take(self, name: FaultName, request: Request) -> Mapping[str, OptionValue] | None:
        """The options of the fault when this request meets it, and count that; None when it does not."""
        with self._lock:
            for fault in self._active:
                if fault.kind.name != name or fault.times == 0 or not fault.matches(request):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                fault.hits += 1
                return fault.options
        return None


def _active_fault(name: str, options: Mapping[str, OptionValue]) -> ActiveFault:
    try:
        kind = FAULTS[FaultName(name)]
    except ValueError as error:
        message = f"unknown fault {name!r}; known are: {', '.join(FAULTS)}"
        raise FaultError(message) from error
    own = dict(kind.options)
    limits: dict[str, OptionValue] = {}
    for key, value in options.items():
        if key in LIMITS:
            limits[key] = value
        elif key in own:
            own[key] = _option(name, key, value, own[key])
        else:
            known = ", ".join((*own, *LIMITS))
            message = f"fault {name!r} has no option {key!r}; known are: {known}"
            raise FaultError(message)
    times = limits.get("times")
    return ActiveFault(
        kind,
        MappingProxyType(own),
        path=str(limits.get("path") or ""),
        method=str(limits.get("method") or ""),
        tenant=str(limits.get("tenant") or ""),
        skip=_whole_number(name, "skip", limits.get("skip") or 0),
        times=None if times is None else _whole_number(name, "times", times),
    )


def _option(name: str, key: str, value: OptionValue, default: OptionValue) -> OptionValue:
    """The value in the type of the option's default."""
    try:
        if isinstance(default, float):
            return float(str(value))
        if isinstance(default, int):
            return int(str(value))
    except ValueError as error:
        message = f"fault {name!r}, option {key!r}: {value!r} is not a number"
        raise FaultError(message) from error
    return str(value)


def _whole_number(name: str, key: str, value: OptionValue) -> int:
    try:
        number = int(str(value))
    except ValueError as error:
        message = f"fault {name!r}, option {key!r}: {value!r} is not a whole number"
        raise FaultError(message) from error
    if number < 0:
        message = f"fault {name!r}, option {key!r}: {value!r} is negative"
        raise FaultError(message)
    return number
