"""Words of five languages that say whether an organization is still a customer."""

from __future__ import annotations

import pytest

from integrations.services.organizations.status import Meaning, status_meaning


@pytest.mark.parametrize(
    "text",
    [
        "Inactive", "ARCHIVED", "Former", "former customer", "Ex-Kunde", "ehem. Kunde", "Gelöscht",
        "gekündigt",
        "ancien client", "Client archivé", "Résiliée", "inactief", "Voormalige klant", "dado de baja",
        "inactiva",
        "not active", "nicht mehr aktiv", "niet actief", "no longer a customer", "Not a customer",
        "Cancelation",
        "Dead", "offboarded", "no activo", "Excluded", "n'est pas actif",
    ],
)  # fmt: skip
def test_who_left(text: str) -> None:
    assert status_meaning(text) is Meaning.INACTIVE


@pytest.mark.parametrize(
    "text",
    ["Active", " aktiv ", "Actif", "actief", "Activo", "Enabled", "Active client", "Prospect", "Kunde",
     "not archived", "nicht gelöscht", "en cours"],
)  # fmt: skip
def test_who_is_here(text: str) -> None:
    assert status_meaning(text) is Meaning.ACTIVE


@pytest.mark.parametrize("text", ["Gold", "Suspended", "Active Plus", "old active", "tenant", "?", "on hold"])
def test_what_nobody_can_tell_is_unknown(text: str) -> None:
    assert status_meaning(text) is Meaning.UNKNOWN


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Ja", Meaning.YES), ("sí", Meaning.YES), ("Vrai", Meaning.YES), ("1", Meaning.YES),
        ("nee", Meaning.NO),
        ("FALSE", Meaning.NO), ("nö", Meaning.NO), ("2021-04-30T08:00:00Z", Meaning.DATE),
        ("30.4.2021", Meaning.DATE), ("0001-01-01T00:00:00", Meaning.NO),
    ],
)  # fmt: skip
def test_yes_no_and_dates(text: str, meaning: Meaning) -> None:
    assert status_meaning(text) is meaning
