"""An API user locked while companies are read: the calls under way are refused, no other is sent."""

from __future__ import annotations

import pytest

from integrations.psa.autotask.throttle import SIMULTANEOUS_CALLS
from integrations.psa.base import CredentialsRefused
from tests.psa.conftest import Connect, Serve, northwind, read_all


@pytest.mark.parametrize("answered", [1, 3, 5, 8])
def test_after_the_first_refusal_nothing_more_is_sent(serve: Serve, connect: Connect, answered: int) -> None:
    simulator = serve(northwind(900), latency=0.02)
    client = connect(simulator, page_size=50)
    simulator.inject("locked-user", skip=answered)
    with pytest.raises(CredentialsRefused):
        read_all(client.companies(()))
    refused = [request for request in simulator.requests if request.status == 401]
    assert 1 <= len(refused) <= SIMULTANEOUS_CALLS + 1  # the budget may be asked beside companies
    with pytest.raises(CredentialsRefused):
        client.budget()
    assert [request for request in simulator.requests if request.status == 401] == refused
