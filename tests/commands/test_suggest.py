"""``suggest_mappings``: for a configuration, and for two files without any setting or database."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from integrations.files.formulas import escape_formula, unescape_formula
from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.services.suggestions.from_files import (
    ANSWER_COLUMNS,
    FileRefused,
    read_companies,
    read_organizations,
)
from tests.support.properties import examples
from tests.support.simulated import map_to, table_contents

ROOT = Path(__file__).resolve().parents[2]
HEADER = "organization_id,company_id,confidence,tier,reasons"

ORGANIZATIONS = """id,name,domain,phone,city,state,postal_code
a1,Harrow Lane Dental,harrowlanedental.example,,Dayton,OH,
a2,Mossfield Veterinary Clinic,,,Akron,OH,
a3,Zephyr Balloon Tours,,,,,
"""
COMPANIES = """id,companyName,webAddress,phone,city,state,postalCode,isActive
0,Our Own MSP,,,,,,true
101,"Harrow Lane Dental, LLC",www.harrowlanedental.example,,Dayton,OH,,true
102,Mossfield Veterinary Clinic Inc,,,Akron,OH,,true
103,Tidewater Freight & Storage,,,Toledo,OH,,true
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The arguments that name two good files."""
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    ours.write_text(ORGANIZATIONS, encoding="utf-8")
    theirs.write_text(COMPANIES, encoding="utf-8")
    return ["--organizations", str(ours), "--companies", str(theirs)]


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("suggest_mappings", *arguments, stdout=out)
    return out.getvalue()


def in_a_bare_shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``manage.py`` in a plain checkout: not one setting in the environment."""
    bare = {"PATH": os.environ.get("PATH", "")}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=bare, capture_output=True, text=True, check=False,
    )  # fmt: skip


# --- two files ----------------------------------------------------------------------------------------------


@pytest.mark.process
def test_two_files_without_any_setting(files: list[str]) -> None:
    done = in_a_bare_shell("suggest_mappings", *files, "--format", "csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == HEADER == ",".join(ANSWER_COLUMNS)
    rows = {row["organization_id"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert set(rows) == {"a1", "a2", "a3"}
    assert rows["a1"]["company_id"] == "101"
    assert rows["a1"]["tier"] == "sure"
    assert 0.9 < float(rows["a1"]["confidence"]) <= 1
    assert rows["a1"]["reasons"]
    assert rows["a2"]["company_id"] == "102"
    assert rows["a3"]["tier"] == "none"


@pytest.mark.process
@pytest.mark.parametrize(
    "arguments",
    [["suggest_mappings", "--instance", "Main"], ["migrate"], ["check"], ["refresh_options", "--all"]],
)
def test_whatever_touches_database_or_secrets_still_refuses_without_settings(arguments: list[str]) -> None:
    done = in_a_bare_shell(*arguments)
    assert done.returncode != 0
    assert "SECRET_KEY is not set" in done.stderr


@pytest.mark.process
def test_the_form_for_files_can_reach_neither_database_nor_keys() -> None:
    probe = (
        "import sys, manage, django, os\n"
        "assert manage.works_on_files_alone(['suggest_mappings', '--organizations=x'])\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'portal.settings_offline'\n"
        "django.setup()\n"
        "from django.core.exceptions import ImproperlyConfigured\n"
        "from integrations import crypto\n"
        "from integrations.models import Organization\n"
        "for attempt in (Organization.objects.count, lambda: crypto.seal({}, 'x')):\n"
        "    try:\n"
        "        attempt()\n"
        "    except (ImproperlyConfigured, ValueError) as error:\n"
        "        print(type(error).__name__)\n"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "s" * 60,
        "DATABASE_URL": "sqlite:////tmp/never.db",
    }
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["ImproperlyConfigured", "ValueError"], done.stderr


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_every_format_names_every_organization(files: list[str], form: str) -> None:
    text = run(*files, "--format", form)
    if form == "json":
        rows = json.loads(text)
        assert [row["organization"] for row in rows][:1] == ["Harrow Lane Dental"]
        assert rows[0]["company"] == "Harrow Lane Dental, LLC"
        assert isinstance(rows[0]["reasons"], list)
    elif form == "csv":
        assert len(text.splitlines()) == 4
    else:
        assert text.splitlines()[0].split() == ["Organization", "Company", "Confidence", "Tier", "Reasons"]
        assert "Zephyr Balloon Tours" in text
        assert "3 organizations: 2 sure" in text
        assert "Nothing was saved." in text


def test_a_hostile_name_neither_runs_in_a_spreadsheet_nor_steers_the_terminal(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    ours.write_text('id,name\n=1+1,"Acme\x1b[2J\u202eLabs"\n', encoding="utf-8")
    theirs.write_text("id,companyName\n@5,Acme Labs\n", encoding="utf-8")
    files = ["--organizations", str(ours), "--companies", str(theirs)]
    (row,) = csv.DictReader(io.StringIO(run(*files, "--format", "csv")))
    assert row["organization_id"] == "'=1+1"
    table = run(*files)
    assert "\x1b" not in table
    assert "\u202e" not in table


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The file is empty."),
        (
            "name,city\nAcme,Lima\n",
            'has no column "id". Its columns are: name, city.',
        ),
        ("id,city\n1,Lima\n", "line 2: the column of the name is missing"),
        ("id,name,id\n1,Acme,2\n", 'The columns "id" and "id (2)" all mean id.'),
        ("id,name\n1,Acme,Lima\n", "line 2: has a value in column 3, which has no name"),
        ("id,name\n,Acme\n", "line 2: the id is missing"),
        ("id,name\n1,Acme\n\n1,Beta\n", "line 4: the id “1” was used before"),
        ('id,name\n1,"Acme\n', "a quotation mark is never closed"),
        (b"id,name\n1,Caf\x81\xe9\n", "line 2"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "ours.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FileRefused) as refusal:
        read_organizations(path)
    assert str(refusal.value).startswith("ours.csv")
    assert message in str(refusal.value)


def test_the_command_ends_with_2_for_a_bad_file_a_missing_one_and_a_wrong_line(
    files: list[str], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("id,companyName,isActive\n1,Acme,perhaps\n", encoding="utf-8")
    for arguments, message in (
        ([*files[:3], str(bad)], "bad.csv, line 2: isActive must be true or false, not “perhaps”."),
        ([*files[:3], str(tmp_path / "none.csv")], "none.csv cannot be read: No such file or directory."),
        (files[:2], "Give either --instance NAME, or both --organizations FILE and --companies FILE"),
        ([*files, "--instance", "Main"], "Give either --instance NAME"),
        ([], "Give either --instance NAME"),
    ):
        with pytest.raises(CommandError) as failure:
            run(*arguments)
        assert failure.value.returncode == 2
        assert message in str(failure.value)


def test_columns_may_come_in_any_order_with_a_mark_and_in_other_letter_case(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text("ISACTIVE,companynumber,CompanyName,extra,ID\nno,C-7,Acme,x,5\n", encoding="utf-8-sig")
    (company,) = read_companies(path)
    assert (company.id, company.name, company.number, company.is_active) == ("5", "Acme", "C-7", False)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)


@examples(60)
@given(
    st.dictionaries(
        texts.map(str.strip).filter(lambda each: each == unescape_formula(each) and each), texts, max_size=6
    )
)
def test_whatever_was_exported_harmlessly_is_read_back(rows: dict[str, str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ours.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "name"])
            writer.writerows(
                [escape_formula(key), escape_formula(name.strip())] for key, name in rows.items()
            )
        read = {row.id: row.name for row in read_organizations(path)}
    assert read == {key: name.strip() for key, name in rows.items()}


# --- a configuration ------------------------------------------------------------------------------------


def test_a_configuration_is_asked_by_name_and_nothing_is_written(
    refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User
) -> None:
    map_to(owner, refreshed, organizations["Calloway"], 103)
    models: tuple[Any, ...] = (Organization, Company, OrganizationMapping, MappingProposal, AuditEvent)
    before = table_contents(*models)
    rows = {
        row["organization"]: row
        for row in csv.DictReader(io.StringIO(run("--instance", "main", "--format", "csv")))
    }
    assert table_contents(*models) == before
    assert "Calloway and Sons Roofing" not in rows  # mapped already
    abbott = rows["Abbott Dental Care"]
    assert abbott["organization_id"] == str(organizations["Abbott"].pk)
    assert abbott["company_id"] == "101"  # as Autotask knows it
    assert abbott["company"] == "Abbott Dental Care, LLC"
    assert abbott["tier"] == "sure"
    assert rows["Zephyr Balloon Tours"]["tier"] == "none"


def test_an_unknown_configuration_lists_the_known_ones(
    refreshed: IntegrationInstance, second: IntegrationInstance
) -> None:
    with pytest.raises(CommandError) as failure:
        run("--instance", "Nain")
    assert failure.value.returncode == 2
    assert str(failure.value) == "No configuration is called “Nain”. Known are: “Main”, “Second”."


@pytest.mark.django_db
def test_without_any_configuration_it_says_so() -> None:
    with pytest.raises(CommandError, match="There is no configuration yet; add one in the browser"):
        run("--instance", "Main")
