"""Queries whose SQL is kept: filled in with the ids of the moment, the same answer as without."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count, Exists, F, Model, Q
from django.db.models.sql.compiler import SQLCompiler
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from integrations.database.query_cache import TEXT, LostPlaceholder, cached_rows
from integrations.models import Organization, OrganizationMapping
from tests.conftest import make_user
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db


def later_than(organization: int, word: str) -> Any:
    """A query with an id and a shape."""
    return Organization.objects.filter(pk__gt=organization, name__startswith=word).order_by("pk")


def names_later_than(organization: int) -> Any:
    return Organization.objects.filter(pk__gt=organization).order_by("pk").values("name")


def people(user: int) -> Any:
    return User.objects.filter(pk=user).only("username")


def deaf(organization: int) -> Any:
    """A query that does not use its id."""
    return Organization.objects.all()


def test_each_run_has_the_ids_of_the_moment() -> None:
    rows = [make_organization(name) for name in ("Abbott", "Birchwood", "Avery", "Alder")]
    assert cached_rows(later_than, (0,), ("A",)) == [rows[0], rows[2], rows[3]]
    assert cached_rows(later_than, (rows[0].pk,), ("A",)) == [rows[2], rows[3]]
    assert cached_rows(later_than, (rows[0].pk,), ("B",)) == [rows[1]]
    assert cached_rows(later_than, (0,), ("A",), part=(1, 1)) == [rows[2]]
    assert cached_rows(names_later_than, (rows[2].pk,)) == [{"name": "Alder"}]


def test_what_was_written_meanwhile_is_seen() -> None:
    assert cached_rows(later_than, (0,), ("A",)) == []
    row = make_organization("Abbott")
    assert cached_rows(later_than, (0,), ("A",)) == [row]
    Organization.objects.update(name="Avery")
    assert [found.name for found in cached_rows(later_than, (0,), ("A",))] == ["Avery"]


def test_the_models_are_whole_ones() -> None:
    """A row can be read on, changed and saved, and what it is related to can be asked for."""
    user = make_user("ada")
    found = cached_rows(people, (user.pk,))[0]
    assert found.email == user.email  # was left out, is read now
    row = make_organization("Abbott")
    same = cached_rows(later_than, (0,), ("A",))[0]
    same.name = "Abbott Dental"
    same.save()
    row.refresh_from_db()
    assert row.name == "Abbott Dental"
    assert list(same.mappings.all()) == []


def test_the_sql_is_the_orm_s_own() -> None:
    sent: list[Any] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        cached_rows(later_than, (7,), ("A",))
        list(later_than(7, "A"))
    assert sent[0] == sent[1]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans in no time")
def test_postgresql_plans_what_comes_again_only_once() -> None:
    for pk in (1, 7, 70_000, 5, 6):  # ids of another width are another statement to PostgreSQL
        cached_rows(later_than, (pk,), ("A",), part=(0, 50))
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements")
        runs = [runs for statement, runs in cursor.fetchall() if "integrations_organization" in statement]
    assert runs == [2]  # the first two were sent as they are


def with_all_that_a_row_has(organization: int) -> Any:
    """As the mapping table reads: joined, without some columns, with values that are worked out."""
    rows = OrganizationMapping.objects.filter(organization=organization).select_related("company__instance")
    return rows.defer("reasons", "company__city").annotate(text=F("company__name"), here=Exists(rows))


@pytest.mark.parametrize(
    "build",
    [
        lambda pk: later_than(pk, "A"),
        with_all_that_a_row_has,
        lambda pk: with_all_that_a_row_has(pk).values("text", "company__instance__name"),
        lambda pk: with_all_that_a_row_has(pk).values_list("here", "text", "company__name"),
        lambda pk: with_all_that_a_row_has(pk).values_list("text", flat=True),
        lambda pk: with_all_that_a_row_has(pk).order_by().values("text").annotate(number=Count("pk")),
    ],
    ids=["models", "joined", "values", "tuples", "flat", "grouped"],
)
def test_django_still_reads_rows_by_the_compiler_that_it_is_given(
    build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the cache relies on in Django: when one of these fails, look at its compiler before all else."""
    company = make_company(make_instance(), 100, "Abbott Dental")
    rows = [make_mapping(make_organization(f"A{n}"), company).organization_id for n in range(3)]
    expected = [list(build(pk)) for pk in rows]
    assert any(expected)
    written: list[object] = []
    as_sql = SQLCompiler.as_sql

    def counted(compiler: Any, *args: Any, **kwargs: Any) -> Any:
        written.append(compiler)
        return as_sql(compiler, *args, **kwargs)

    monkeypatch.setattr(SQLCompiler, "as_sql", counted)
    first = cached_rows(build, rows[:1])
    assert written, "the SQL is no longer written where it was"
    written.clear()
    found = [first, *(cached_rows(build, [pk]) for pk in rows[1:])]
    assert not written, "the SQL is written anew at each look"
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == theirs
        for row, same in zip(ours, theirs, strict=True):
            if isinstance(row, Model):
                assert loaded(row) == loaded(same)


def loaded(row: Any) -> dict[str, Any]:
    """Everything that was read of a row and of what it is joined with."""
    joined = {name: loaded(related) for name, related in row._state.fields_cache.items()}
    return {name: value for name, value in row.__dict__.items() if name != "_state"} | joined


def test_a_query_that_loses_its_id_is_refused() -> None:
    """It would answer for somebody else."""
    with pytest.raises(LostPlaceholder, match="deaf"):
        cached_rows(deaf, (1,))


NAMES = (
    "100% Dental",
    "100 Dental",
    "O'Hara_Law",
    "OXHara Law",
    "Back\\slash",
    "Ärzte Müller",
    "“Quoted”",
    "?%s",
)


def called(text: str) -> Any:
    """A query with a text: equal, at the beginning, or somewhere."""
    found = Organization.objects.filter(
        Q(external_id=text) | Q(name__istartswith=text) | Q(name__icontains=text)
    )
    return found.order_by("pk").values_list("name", flat=True)


class AText(TestCase):
    """A text that is searched is put into SQL that was written for another one."""

    def setUp(self) -> None:
        for name in NAMES:
            make_organization(name, external_id=name)

    @given(
        st.sampled_from(NAMES).flatmap(lambda name: st.text(st.sampled_from(name), min_size=1, max_size=3))
    )
    def test_it_finds_what_the_orm_finds(self, text: str) -> None:
        assert cached_rows(called, (), (TEXT,), text=text) == list(called(text))

    def test_every_name_finds_itself(self) -> None:
        for name in NAMES:
            assert name in cached_rows(called, (), (TEXT,), text=name)

    def test_a_shape_and_its_text_go_together(self) -> None:
        with pytest.raises(LostPlaceholder):
            cached_rows(called, (), ("Dental",), text="Law")
        with pytest.raises(LostPlaceholder):
            cached_rows(called, (), (TEXT,))
