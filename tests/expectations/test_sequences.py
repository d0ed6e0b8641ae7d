"""After any sequence of changes in Autotask, refreshes, mappings and days what is noted is what should be.

What should be is worked out beside it from scratch, from what Autotask and the portal were told.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from integrations.models import Expectation, IntegrationInstance, Occurrence, Organization
from integrations.services.audit import Batch
from integrations.services.expectations import note_expectations
from integrations.services.mapping import remove_mappings
from integrations.simulators.autotask.tenant import Tenant
from tests.expectations.test_kinds import expect
from tests.support.properties import examples
from tests.support.simulated import COMPANIES, actor_of, make_organization, map_to, refresh

pytestmark = pytest.mark.django_db
NUMBERS = [int(str(row["id"])) for row in COMPANIES]
HOURS = 25
SOME = st.lists(st.sampled_from(NUMBERS[1:9]), min_size=1, max_size=6, unique=True)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["remove", "put"]), SOME),
        st.tuples(st.sampled_from(["refresh", "wait"]), st.just([0])),
        st.tuples(st.sampled_from(["map", "unmap"]), st.lists(st.integers(0, 3), min_size=1, max_size=1)),
        st.tuples(st.just("expect"), st.sampled_from([[40], [70], [100]])),
    ),
    min_size=5,
    max_size=14,
)


@dataclass
class World:
    """What Autotask has, what the portal took over of it, and the organizations, as the test knows them."""

    remote: set[int] = field(default_factory=lambda: set(NUMBERS))
    known: set[int] = field(default_factory=lambda: set(NUMBERS))
    mapped: dict[int, int] = field(default_factory=dict)
    open_for: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(4), 0))  # hours
    read_for: int = 0
    share: int = 70
    compared: tuple[int, int] | None = None
    braked: bool = False
    held: int = 0  # that would be mapped to a company that is there, with the result that waits

    def there(self, known: set[int]) -> int:
        return sum(company in known for company in self.mapped.values())

    def refresh(self) -> None:
        """The read is taken over, unless mappings would lose their companies and too few be left."""
        after, before = self.there(self.remote), self.there(self.known)
        self.braked, self.held = after < before and after * 100 < self.share * 4, after
        if not self.braked:
            self.compared = (len(self.known), len(self.known - self.remote))
            self.known, self.read_for = set(self.remote), 0

    def states(self) -> dict[str, str]:
        """How each expectation stands."""
        found = {
            "mapped": self.there(self.known) * 100 < self.share * 4,
            "unmapped": sum(hours > 48 for hours in self.open_for.values()) > 1,
            "refreshed": self.read_for > 24,
            "inbox": len(self.mapped) - self.there(self.known) > 1,
        }
        if self.compared is not None:
            found["fewer"] = self.compared[1] * 100 > self.compared[0] * 20
        states = {kind: "warns" if broken else "holds" for kind, broken in found.items()}
        return {"fewer": "unknown"} | states | ({"mapped": "brakes"} if self.braked else {})


@examples(6, HealthCheck.function_scoped_fixture)
@given(steps=STEPS)
@example(
    steps=[
        ("map", [0]), ("map", [1]), ("map", [2]), ("remove", [101]), ("refresh", [0]), ("expect", [40]),
        ("put", [101]), ("refresh", [0]), ("wait", [0]), ("wait", [0]), ("unmap", [1]), ("wait", [0]),
    ]
)  # fmt: skip
@example(steps=[("remove", [101, 102, 103, 104]), ("refresh", [0]), ("refresh", [0]), ("wait", [0])])
def test_what_is_noted_is_a_recomputation_and_told_once(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, steps: list[tuple[str, list[int]]]
) -> None:
    begin_anew(tenant, refreshed)
    rows = [make_organization(f"Nobody's {uuid.uuid4().hex}") for _ in range(4)]
    world = World()
    told: dict[str, list[str]] = {}
    with time_machine.travel(timezone.now(), tick=False) as clock:
        expected(owner, refreshed, world.share)
        for step, values in steps:
            if step == "wait":
                clock.shift(dt.timedelta(hours=HOURS))
                world.read_for += HOURS
                world.open_for = {each: hours + HOURS for each, hours in world.open_for.items()}
            else:
                clock.shift(1)
                take(step, values, world, tenant, refreshed, owner, rows)
            note_expectations(timezone.now())
            noted = dict(Expectation.objects.filter(instance=refreshed).values_list("kind", "state"))
            assert noted == world.states(), step
            for kind, state in world.states().items():
                if state != "unknown" and (state != "holds") != (
                    told.get(kind, ["restored"])[-1] == "broken"
                ):
                    told.setdefault(kind, []).append("restored" if state == "holds" else "broken")
    for kind, should in told.items():
        occurred = Occurrence.objects.filter(instance=refreshed, cause=f"expectation:{kind}").order_by("pk")
        assert [each.kind.partition(".")[2] for each in occurred] == should, kind


def begin_anew(tenant: Tenant, instance: IntegrationInstance) -> None:
    """As if nothing had been read but the companies as they are."""
    Organization.objects.all().delete()
    Occurrence.objects.all().delete()
    instance.expectations.all().delete()
    for row in COMPANIES:
        tenant.companies.put(dict(row))
    assert refresh(instance, accept_shrink=True).state == "done"
    IntegrationInstance.objects.update(offered_before=None, offered_lost=None)


def expected(owner: User, instance: IntegrationInstance, share: int) -> None:
    expect(
        owner, instance, mapped=("brake", share), unmapped=("warn", 1, 2), fewer=("warn", 20),
        refreshed=("warn", 24), inbox=("warn", 1),
    )  # fmt: skip


def take(
    step: str, values: list[int], world: World, tenant: Tenant, instance: IntegrationInstance, owner: User,
    rows: list[Organization],
) -> None:  # fmt: skip
    """Take one step, in the portal and in the world as the test knows it."""
    if step == "remove":
        for number in values:
            if number in world.remote:
                tenant.companies.remove(number)
        world.remote -= set(values)
    elif step == "put":
        for number in values:
            tenant.companies.put(dict(COMPANIES[NUMBERS.index(number)]))
        world.remote |= set(values)
    elif step == "refresh":
        world.refresh()
        assert refresh(instance, full=True).state == ("failed" if world.braked else "done")
    elif step == "expect":
        world.share = values[0]
        world.braked = world.braked and world.held * 100 < world.share * 4  # what waits is judged anew
        expected(owner, instance, world.share)
    elif step == "map" and values[0] not in world.mapped and (number := 101 + values[0]) in world.known:
        map_to(owner, instance, rows[values[0]], number)
        world.mapped[values[0]] = number
        del world.open_for[values[0]]
    elif step == "unmap" and values[0] in world.mapped:
        mapping = rows[values[0]].mappings.get()
        remove_mappings(Batch(actor_of(owner)), [mapping.pk])
        del world.mapped[values[0]]
        world.open_for[values[0]] = 0
