"""What many rows are asked for by name: which companies are free, what is open, where merges end."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from integrations.models import Company, IgnoredOrganization, IntegrationInstance, Job, Organization
from integrations.models.instances import LARGEST_ID
from tests.support.rows import make_company, make_instance, make_mapping

pytestmark = pytest.mark.django_db


def make(name: str, **values: object) -> Organization:
    return Organization.objects.create(name=name, **values)


def gone(name: str, into: Organization | None) -> Organization:
    return make(name, deleted_at=timezone.now(), merged_into=into)


def test_a_company_is_free_unless_an_organization_that_is_there_has_it() -> None:
    main = make_instance()
    free, held, left, orphaned = (make_company(main, n, f"Company {n}") for n in range(1, 5))
    make_mapping(make("First"), held)
    make_mapping(make("Second"), held)
    make_mapping(make("Left"), left, removed_at=timezone.now())
    make_mapping(gone("Deleted", None), orphaned)
    assert set(main.companies.free()) == {free, left, orphaned}
    holders = {row: row.taken_by for row in main.companies.with_holder()}
    assert holders == {free: None, held: "First", left: None, orphaned: None}


def test_unmapped_in_one_psa_says_nothing_of_another() -> None:
    company = make_company(make_instance(), 1, "Company")
    open_, mapped, ignored, removed = (make(name) for name in ("Open", "Mapped", "Ignored", "Removed"))
    make("Inactive", is_active=False)
    gone("Deleted", None)
    make_mapping(mapped, company)
    make_mapping(removed, company, removed_at=timezone.now())
    IgnoredOrganization.objects.create(organization=ignored, psa="autotask")
    assert set(Organization.objects.unmapped_in("autotask")) == {open_, removed}
    assert set(Organization.objects.ignored_in("autotask")) == {ignored}
    assert set(Organization.objects.unmapped_in("another")) == {open_, mapped, ignored, removed}


def test_merges_are_walked_to_their_end() -> None:
    last = make("Last")
    third = gone("Third", last)
    second = gone("Second", third)
    first = gone("First", second)
    lost = gone("Lost", gone("Deleted", None))
    back = make("Back", merged_into=last)  # deleted by a merge once, and restored
    into_back = gone("Into back", back)
    assert Organization.objects.end_of_merges() == {
        first.pk: last.pk, second.pk: last.pk, third.pk: last.pk,
        lost.pk: lost.merged_into_id, into_back.pk: back.pk,
    }  # fmt: skip
    assert Organization.objects.filter(pk=first.pk).end_of_merges() == {first.pk: last.pk}


def test_a_circle_of_merges_ends() -> None:
    one, other = gone("One", None), gone("Other", None)
    for row, into in ((one, other), (other, one)):
        row.merged_into = into
        row.save()
    assert set(Organization.objects.end_of_merges()) == {one.pk, other.pk}


def test_an_instance_is_found_by_whoever_may_see_it(reader: User, stranger: User) -> None:
    main = make_instance()
    deleted = make_instance("Deleted", deleted_at=timezone.now())
    find = IntegrationInstance.objects.find
    assert find(reader, "autotask", main.pk) == main
    assert find(reader, "another", main.pk) is None
    assert find(reader, "autotask", deleted.pk) is None
    assert find(reader, "autotask", LARGEST_ID + 1) is None
    assert find(stranger, "autotask", main.pk) is None
    assert find(AnonymousUser(), "autotask", main.pk) is None
    assert list(IntegrationInstance.objects.listed(reader, "autotask")) == [main]
    assert not IntegrationInstance.objects.listed(stranger, "autotask")
    assert (main.is_deleted, deleted.is_deleted) == (False, True)


def test_a_job_says_who_may_stop_it_and_start_it_again(owner: User, member: User, reader: User) -> None:
    main = make_instance()
    refresh = Job.objects.create(kind=Job.Kind.REFRESH_OPTIONS, instance=main)
    suggestion = Job.objects.create(kind=Job.Kind.SUGGEST_MAPPINGS, instance=main, created_by=owner)
    people = (owner, member, reader, AnonymousUser())
    assert [refresh.can_be_stopped_by(user) for user in people] == [True, True, False, False]
    assert [suggestion.can_be_stopped_by(user) for user in people] == [True, False, False, False]
    assert not any(refresh.can_start_again(user) for user in people)
    for job in (refresh, suggestion):
        job.request_cancel()
        job.refresh_from_db()
        assert job.state == Job.State.CANCELLED
    assert [refresh.can_start_again(user) for user in people] == [True, True, False, False]
    assert [suggestion.can_start_again(user) for user in people] == [True, False, False, False]
    main.deleted_at = timezone.now()
    refresh.instance = main
    assert not refresh.can_start_again(owner)


def test_the_name_of_the_holder_is_read_by_with_holder_alone() -> None:
    make_company(make_instance(), 1, "Company")
    with pytest.raises(AttributeError):
        _ = Company.objects.get().taken_by
