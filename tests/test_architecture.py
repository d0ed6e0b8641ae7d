"""The shape of the house: who may import whom, and that nothing is left without a test or a guard."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.support.sources import tree_of

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "integrations"
COMMANDS = sorted(
    path.stem for path in (APP / "management" / "commands").glob("*.py") if path.stem != "__init__"
)
MOST_LINES = 450

# The modules of the PSA packages that stand on Django's side of the seam.
ON_DJANGOS_SIDE = {"forms.py", "provider.py", "registry.py"}


def modules(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.py") if "migrations" not in path.parts)


@functools.cache
def imports_of(path: Path) -> frozenset[str]:
    """The names of every module that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


@functools.cache
def text_of_the_tests() -> str:
    """Every file of the tests, one after the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in modules(ROOT / "tests"))


@pytest.mark.process
def test_the_import_contracts_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]
    assert "0 broken" in result.stdout


@pytest.mark.parametrize("folder", ["psa/autotask", "outbound", "matching", "simulators"])
def test_clients_matching_and_the_simulator_do_without_django(folder: str) -> None:
    for path in modules(APP / folder):
        if path.name in ON_DJANGOS_SIDE:
            continue
        reached = {name.split(".")[0] for name in imports_of(path)}
        assert "django" not in reached, path


@pytest.mark.process
def test_a_worker_that_suggests_nothing_is_spared_what_only_matching_needs() -> None:
    """They would be half of its memory."""
    code = (
        "import sys, django; django.setup(); import integrations.tasks; "
        "print(sorted({'numpy', 'scipy', 'rapidfuzz'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.support.settings"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "[]", result.stderr


def test_views_ask_services_and_neither_the_network_nor_the_key_ring() -> None:
    for path in modules(APP / "views"):
        reached = imports_of(path)
        for forbidden in (
            "integrations.psa.autotask",
            "integrations.crypto",
            "integrations.matching",
            "requests",
        ):
            assert not any(name.startswith(forbidden) for name in reached), f"{path}: {forbidden}"


DOORS = ("views", "admin", "api", "management", "forms", "templatetags", "tasks.py", "checks.py", "apps.py")
SERVICES = APP / "services"
NOUNS = sorted(path.parent.name for path in SERVICES.glob("*/__init__.py"))
MOST_USE_CASES = 12


def door_modules() -> Iterator[Path]:
    """Every module of a door: what people, operators and programs come in by."""
    for door in DOORS:
        path = APP / door
        yield from modules(path) if path.is_dir() else [path]
    yield from modules(ROOT / "portal")


def test_doors_import_the_face_of_a_noun_and_nothing_behind_it() -> None:
    behind = re.compile(rf"integrations\.services\.({'|'.join(NOUNS)})\.(\w+)")
    for path in door_modules():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Import):
                reached = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                reached = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in reached:
                found = behind.match(name)
                if found is not None:
                    face = importlib.import_module(f"integrations.services.{found[1]}")
                    assert name.count(".") == 3, f"{path.relative_to(ROOT)} reaches behind the face: {name}"
                    offered = getattr(face, found[2], None)
                    assert not inspect.ismodule(offered), f"{path.relative_to(ROOT)} imports a module: {name}"


@pytest.mark.parametrize("noun", NOUNS)
def test_a_face_offers_few_use_cases(noun: str) -> None:
    """Values and exceptions, which the use cases take, give and raise, are not counted."""
    face = importlib.import_module(f"integrations.services.{noun}")
    offered = [getattr(face, name) for name in face.__all__]
    assert len([each for each in offered if inspect.isfunction(each)]) <= MOST_USE_CASES, face.__all__


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_test(command: str) -> None:
    called = re.compile(rf"""["']{command}["']|manage\.py {command}\b""")
    assert called.search(text_of_the_tests()), command


def test_no_module_has_grown_out_of_sight() -> None:
    long = {
        str(path.relative_to(ROOT)): length
        for path in modules(APP)
        if (length := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
        and path.parts[-2] != "data"
    }
    assert not long, f"split these by noun: {long}"


def test_no_data_is_marked_safe() -> None:
    for path in modules(APP):
        uses = len(re.findall(r"\bmark_safe\(|\bformat_html\(f", path.read_text(encoding="utf-8")))
        # One tag takes the indentation out of what a template has rendered, escaped, already.
        assert uses <= (path.relative_to(APP).as_posix() == "templatetags/portal.py"), path
    for template in (ROOT / "templates").rglob("*"):
        if template.is_file():
            text = template.read_text(encoding="utf-8")
            assert not re.search(r"\|\s*safe\b|autoescape off|safeseq", text), template


def test_only_the_psa_clients_and_the_webhooks_reach_the_network_both_through_outbound() -> None:
    clients = {"requests", "urllib3", "http.client", "urllib.request", "httpx"}
    reaching = {
        path.relative_to(APP).as_posix()
        for path in modules(APP)
        if "simulators" not in path.parts and imports_of(path) & clients
    }
    assert {"outbound/session.py", "psa/autotask/transport.py"} <= reaching
    others = {path for path in reaching if not path.startswith(("outbound/", "psa/autotask/"))}
    assert others <= {"services/webhooks/send.py"}
    for path in reaching:
        if not path.startswith("outbound/"):
            session = "requests.auth" if path.endswith("/credentials.py") else "integrations.outbound.session"
            assert session in imports_of(APP / path), path


def test_only_the_mapping_table_and_the_home_page_keep_their_sql() -> None:
    """Writing it takes 4 to 6 ms there, and under one elsewhere: not worth leaning on Django's inside.

    The home page asks of every configuration what needs review, the longest rule of all.
    """
    keeping = {path for path in modules(APP) if "integrations.database.query_cache" in imports_of(path)}
    assert keeping
    rooms = {path.parent for path in keeping} - {APP / "services" / "mapping"}
    assert {path.name for path in keeping if path.parent in rooms} == {"overview.py"}


def test_few_functions_are_longer_than_a_screen() -> None:
    """50 lines at most, but for two."""
    long = [
        f"{path.relative_to(ROOT)}: {node.name}, {node.end_lineno - node.lineno + 1}"
        for folder in (APP, ROOT / "portal")
        for path in modules(folder)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno >= 50
    ]
    assert len(long) <= 2, f"split these by sense: {long}"


def test_few_services_leave_open_what_they_return() -> None:
    vague = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in modules(SERVICES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef)
        and isinstance(node.returns, ast.Name)
        and node.returns.id == "Any"
    ]
    assert len(vague) <= 8, f"say what these return: {vague}"


def test_the_sign_in_library_is_reached_by_its_public_modules_only() -> None:
    for path in [*modules(APP), *modules(ROOT / "portal")]:
        private = {name for name in imports_of(path) if re.match(r"allauth\.(.*\.)?(internal|_\w+)\b", name)}
        assert not private, f"{path.relative_to(ROOT)}: {private}"


def test_models_and_migrations_agree(db: None) -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


MAPPED_PLACES = ("portal", "integrations", "templates", "static", "docs", "deploy", "tests")
PASSED_BY = {"__pycache__", "node_modules", "staticfiles"}


def test_every_folder_has_its_row_in_the_code_map() -> None:
    rows = re.findall(r"^\| (`.+?) \|", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = [pattern.rstrip("/") for row in rows for pattern in re.findall(r"`([^`]+/)`", row)]
    folders = {
        path.parent.relative_to(ROOT)
        for place in MAPPED_PLACES
        for path in (ROOT / place).rglob("*")
        if path.is_file() and not PASSED_BY & set(path.parts)
    }
    unnamed = sorted(str(folder) for folder in folders if not any(folder.match(name) for name in named))
    assert not unnamed, f"ARCHITECTURE.md's code map has no row for {unnamed}"
    for name in named:
        assert any(folder.match(name) for folder in folders), f"the code map names {name}, which is not there"
