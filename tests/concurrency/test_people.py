"""What may happen once happens once, and one superuser remains, however many press at the same moment."""

from __future__ import annotations

from tests.support.databases import Database, results


def test_a_link_and_a_recovery_code_open_once(database: Database) -> None:
    ((made),) = results(database.start("prepare_people"))
    guesses = [f"heron-lantern-{number}" for number in range(6)]
    told = results(database.start(" + ".join(f"use_link {made['link']} {word}" for word in guesses)))
    (chosen,) = [each["password"] for each in told if each["used"]]
    assert results(database.start(f"has_password nadia {chosen}")) == [{"right": True}]
    told = results(database.start(" + ".join([f"use_recovery_code {made['code']}"] * 6)))
    assert [each["used"] for each in told].count(True) == 1


def test_superusers_who_take_it_from_one_another_leave_one(database: Database) -> None:
    """Everybody from everybody else, all at once."""
    names = ("sonja", "sue", "sven")
    results(database.start("prepare_people " + " ".join(names)))
    steps = [f"take_the_admin {by} {of}" for by in names for of in names if by != of]
    results(database.start(" + ".join(steps)))
    ((left,),) = database.query("SELECT count(*) FROM auth_user WHERE is_superuser AND is_active")
    assert left == 1
