"""The values of an organization, as people and files write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.files.text import clean_text
from integrations.models import Organization
from integrations.services.organizations.values import LENGTHS, ValueProblem, read_value
from tests.support.properties import examples


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "www.example.com",
        "EXAMPLE.com.",
        "https://www.example.com/",
        "http://example.com:8080/contact?x=1#y",
        "info@example.com",
        "https://user:secret@example.com/",
        "www.www.example.com",
    ],
)
def test_every_way_to_write_a_domain_is_one(text: str) -> None:
    assert read_value("domain", text) == "example.com"


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("https://shop.example.co.uk/x", "shop.example.co.uk"),
        ("MÜLLER.de", "müller.de"),
        ("https://www.de/x", "www.de"),
        ("www.www.de", "www.de"),
    ],
)
def test_other_domains(text: str, domain: str) -> None:
    assert read_value("domain", text) == domain


@pytest.mark.parametrize(
    "text", ["none", "a.com, b.com", "http://[::1", "192.168.1.10", "x..com", "-x.com", "n/a", "a b.com"]
)
def test_what_is_no_domain_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueProblem, match=r"^domain must look like example\.com"):
        read_value("domain", text)


@pytest.mark.parametrize(
    "text",
    [
        "+1 614-555-0100",
        "(614) 555-0100",
        "614.555.0100 x12",
        "+1 614 555 0100 ext. 3",
        "614/555-0100",
        "+34956621050",
    ],
)
def test_telephone_numbers_stay_as_they_were_written(text: str) -> None:
    assert read_value("phone", text) == text


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+SUM(A1)", "-2+3", "none", "+1|cmd", "()"])
def test_what_is_no_telephone_number_is_refused(text: str) -> None:
    with pytest.raises(ValueProblem, match=r"^phone must be a telephone number"):
        read_value("phone", text)


@pytest.mark.parametrize(
    ("text", "value"), [("Yes", True), ("1", True), ("TRUE", True), ("no", False), ("0", False)]
)
def test_active_is_yes_or_no(text: str, value: bool) -> None:
    assert read_value("is_active", text) is value


def test_other_words_for_active_are_refused() -> None:
    with pytest.raises(ValueProblem, match='not "perhaps"'):
        read_value("is_active", "perhaps")


@pytest.mark.parametrize("field", LENGTHS)
def test_a_value_longer_than_its_column_is_refused_with_both_lengths(field: str) -> None:
    too_long = {"domain": f"{'a.' * 150}com", "phone": "1" * 300}.get(field, "x" * 300)
    with pytest.raises(ValueProblem, match=f"{len(too_long)} characters; {LENGTHS[field]} are allowed"):
        read_value(field, too_long)


@pytest.mark.parametrize("field", [*LENGTHS, "is_active"])
def test_nothing_given_is_none(field: str) -> None:
    assert read_value(field, " \t ") is None


def test_unseen_signs_are_taken_out() -> None:
    assert clean_text("\u202eAcme\u200b\x00 \x1b[31m  Inc\u2069\ufeff") == "Acme [31m Inc"
    assert clean_text("Cafe\u0301") == "Café"
    assert clean_text("می\u200cخواهم") == "می\u200cخواهم", "a joiner that the script needs"


@examples(200)
@given(st.text(max_size=60))
def test_clean_text_is_one_printable_line_and_settled(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert "\n" not in cleaned
    assert "\x00" not in cleaned
    assert "\u202e" not in cleaned


def test_every_editable_field_is_known() -> None:
    assert {*LENGTHS, "is_active"} == set(Organization.EDITABLE)
