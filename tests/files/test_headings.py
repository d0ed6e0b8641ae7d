"""Which names are lines that divide a list."""

from __future__ import annotations

import pytest

from integrations.files.headings import looks_like_heading


@pytest.mark.parametrize(
    "name",
    [
        "=== OLD ACCOUNTS BELOW ===", "-----", "* * *", "", "   ", "___ Leads ___", "### VENDORS",
        "--- Former customers",
        "►►► Kunden A–K ◄◄◄", "= = = OLD = = =", "-=[ ARCHIVE ]=-", "// INTERNAL //", "==> below <==",
        "<<< OUD", "… … …",
    ],
)  # fmt: skip
def test_a_line_that_divides(name: str) -> None:
    assert looks_like_heading(name)


@pytest.mark.parametrize(
    "name",
    [
        "Acme, Inc.", "***VIP*** Acme", "** DO NOT USE ** Acme", "Yahoo!!!", "C++ Builders", "-Acme-",
        "(The) Shop", "A.B.C...", "Smith & Sons (UK) Ltd.", "3M", "株式会社山田", "Ünal GmbH & Co. KG",
        "#1 Plumbing", "24/7 Help", 'Dr. O\'Neil "Bob"', "Acme (closed)...",
        "Wait Here (formerly \"There\").",
    ],
)  # fmt: skip
def test_a_name(name: str) -> None:
    assert not looks_like_heading(name)
