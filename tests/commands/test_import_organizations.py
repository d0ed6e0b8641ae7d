"""``import_organizations``: what it prints, and how it ends."""

from __future__ import annotations

import getpass
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

from integrations.management import import_command, output
from integrations.models import AuditEvent, Organization

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> tuple[int, str, str]:
    """The return code, the output, and what went to the error stream."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_organizations", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), err.getvalue() + str(error)
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.csv"
    path.write_text("name,city,known\nAcme,Lima,1\nBeta,Troy,1\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def mixed(tmp_path: Path) -> str:
    path = tmp_path / "mixed.csv"
    path.write_text("name,city\nAcme,Lima\n=1+1,Troy\n,Erie\n", encoding="utf-8")
    return str(path)


def test_a_good_file(good: str) -> None:
    code, out, err = run(good)
    assert (code, err) == (0, "")
    assert "     2  imported Acme: new organization" in out.splitlines()
    assert "Imported 2, Updated 0, Skipped 0, Failed 0" in out
    assert "Columns not used: known" in out
    assert out.splitlines()[-1] == "All rows were written."
    assert Organization.objects.count() == 2
    event = AuditEvent.objects.first()
    assert event is not None
    assert (event.actor, event.actor_name, event.origin) == (
        None,
        getpass.getuser(),
        "command import_organizations",
    )


def test_a_check_writes_nothing(good: str) -> None:
    code, out, _ = run(good, "--dry-run")
    assert code == 0
    assert "Checked only, nothing was written." in out
    assert "Would be imported 2, Would be updated 0, Skipped 0, Failed 0" in out
    assert not Organization.objects.exists()


def test_bad_rows_stop_all_and_end_with_1(mixed: str) -> None:
    code, out, err = run(mixed)
    assert code == output.SOME_FAILED
    assert "     4  failed   : name is empty" in out.splitlines()
    assert "Nothing was written, because 2 rows failed." in err
    assert not Organization.objects.exists()


def test_good_rows_are_kept_when_asked_for(mixed: str) -> None:
    code, _, err = run(mixed, "--keep-good")
    assert code == output.SOME_FAILED
    assert "The good rows were written; 2 rows failed" in err
    assert [organization.name for organization in Organization.objects.all()] == ["Acme"]


def test_json(mixed: str) -> None:
    code, out, _ = run(mixed, "--format", "json", "--keep-good")
    document: dict[str, Any] = json.loads(out)
    assert code == output.SOME_FAILED
    assert document["verdict"] == "written"
    assert document["counts"] == {"imported": 1, "updated": 0, "skipped": 0, "failed": 2}
    assert document["rows"][2] == {"line": 4, "outcome": "failed", "name": "", "message": "name is empty"}


def test_csv_is_harmless_itself(mixed: str) -> None:
    _, out, _ = run(mixed, "--format", "csv")
    header, first, second, _ = out.splitlines()
    assert header == "line,outcome,name,message"
    assert first == "2,imported,Acme,new organization"
    assert second.startswith("3,failed,'=1+1,")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"city\nLima\n", 'no column "name"'), (b"name\nCaf\x81\xe9\n", "0x81"), (b"", "empty")],
)
def test_an_unreadable_file_ends_with_2(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    code, out, err = run(str(path))
    assert (code, out) == (output.WRONG_USE, "")
    assert words in err
    assert err.endswith("Nothing was imported.")


def test_no_such_file_and_a_folder_end_with_2(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        code, _, err = run(str(path))
        assert code == output.WRONG_USE
        assert str(path) in err
        assert "cannot be read" in err


def test_the_standard_input(good: str) -> None:
    with mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(good).read_bytes()))):
        assert run("-")[0] == 0
    assert Organization.objects.count() == 2


def test_an_endless_input_is_cut_off() -> None:
    with (
        mock.patch.object(import_command, "MAX_CHARACTERS", 1_000),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"name\n" + b"x" * 100_000))),
    ):
        code, _, err = run("-")
    assert code == output.WRONG_USE
    assert "larger than 4,000 bytes" in err


@pytest.mark.process
def test_a_named_pipe_is_read_to_its_end(tmp_path: Path, good: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["cp", good, str(pipe)])
    try:
        assert run(str(pipe))[0] == 0
    finally:
        writer.wait(timeout=5)
    assert Organization.objects.count() == 2


def test_control_signs_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("name,city,\x1b[31mred\n\x1b[2Jgone,a,b\n,\x1b[0m\u202eb,\n", encoding="utf-8")
    _, out, err = run(str(path), "--keep-good")
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err


# --- what is asked, and what is chosen ----------------------------------------------------------------------


@pytest.fixture
def sites(tmp_path: Path) -> str:
    path = tmp_path / "sites.csv"
    path.write_text("id,uid,name,status\n1,u-1,Larch,Active\n2,u-2,Moss,On hold\n")
    return str(path)


def test_an_open_question_names_both_columns_and_ends_with_2(sites: str) -> None:
    code, out, err = run(sites)
    assert (code, out) == (output.WRONG_USE, "")
    assert '--map "id=external_id" or --map "uid=external_id"' in err
    assert err.endswith("Nothing was imported.")
    assert not Organization.objects.exists()


def test_columns_and_words_are_chosen(sites: str) -> None:
    code, out, _ = run(sites, "--map", "uid=external_id", "--status", "On hold=inactive")
    assert code == 0
    rows = Organization.objects.order_by("name").values_list("external_id", "is_active")
    assert list(rows) == [("u-1", True), ("u-2", False)]
    assert "Columns not used: id" in out


def test_a_word_alone_that_nobody_knows_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("name,status\nMoss,On hold\n")
    code, _, err = run(str(path))
    assert (code, '--map "status="' in err, "--status WORD=active" in err) == (output.WRONG_USE, True, True)
    assert run(str(path), "--map", "status=")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--map", "uid"), "there must be a = in the middle"),
        (("--map", "uid=size"), "cannot be “size”"),
        (("--map", "colour=name"), "has no column “colour”"),
        (("--status", "Gold=perhaps"), "must say active or inactive"),
        (("--delimiter", "ab"), "A delimiter is one sign"),
        (("--header-line", "0"), "counted from 1"),
    ],
)
def test_what_cannot_be_chosen_ends_with_2(sites: str, arguments: tuple[str, ...], words: str) -> None:
    code, _, err = run(sites, *arguments)
    assert (code, words in err) == (output.WRONG_USE, True), err


def test_the_layout_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes("made by hand\nname|id\nCaf\xe9|7\n".encode("cp1252"))
    code, _, err = run(str(path), "--encoding", "cp1252", "--delimiter", "|", "--header-line", "2")
    assert code == 0, err
    assert Organization.objects.get().name == "Café"


class Closed:
    """A stream whose other end nobody reads."""

    def write(self, text: str) -> None:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError

    def isatty(self) -> bool:
        return False


def test_a_pipe_that_nobody_reads_ends_in_one_line(sites: str) -> None:
    arguments = (sites, "--map", "uid=external_id", "--keep-good")
    with pytest.raises(CommandError) as ended:
        call_command("import_organizations", *arguments, stdout=Closed(), stderr=io.StringIO())
    assert ended.value.returncode == 141
    assert str(ended.value) == (
        "Nobody reads the report (it is kept). The good rows were written; 1 row failed and changed nothing."
    )
    assert Organization.objects.get().name == "Larch"
