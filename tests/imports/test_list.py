"""The list of imports: what a file did, or only would have done."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from integrations.models import Organization


def test_the_list_of_imports_does_not_say_that_something_was_imported_where_nothing_was(
    owner: User, client_of: Callable[[User], Client]
) -> None:
    window = client_of(owner)
    content = b"name\nFenwick Paper Mill\n=formula\n"
    upload = SimpleUploadedFile("organizations.csv", content, content_type="text/csv")
    window.post(reverse("integrations:organizations_upload"), {"file": upload, "rows": "all"})
    assert not Organization.objects.exists()
    page = " ".join(window.get(reverse("integrations:import_reports")).content.decode().split())
    assert "Nothing written" in page
    assert 'data-label="Imported" class="num"><span class="text-secondary">would be 1</span>' in page
    assert "Reports are kept for 365 days." in page


def test_a_report_of_nothing_is_not_green_and_says_what_to_do_next(
    member: User, client_of: Callable[[User], Client]
) -> None:
    window = client_of(member)

    def report_of(content: bytes) -> str:
        file = SimpleUploadedFile("firms.csv", content)
        data = {"file": file, "rows": "good"}
        return window.post(reverse("integrations:organizations_upload"), data, follow=True).content.decode()

    assert "alert-success" in report_of(b"name\nQuillback Marina\n")
    again = report_of(b"name\nQuillback Marina\n")
    assert "alert-success" not in again
    assert "Next: nothing has to be done" in again
    failed = report_of(b"name,domain\nRosefinch Press,not a domain\n")
    assert "alert-success" not in failed
    assert "look at what failed" in failed
