"""A call of somebody who was let in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from integrations.simulators.autotask.faults import ActiveFaults
from integrations.simulators.autotask.tenant import Tenant
from integrations.simulators.autotask.wire import Answer, Request


@dataclass(frozen=True, slots=True)
class Call:
    """A request by a tenant's API user who was let in."""

    request: Request
    tenant: Tenant
    faults: ActiveFaults


Handler = Callable[[Call], Answer]
