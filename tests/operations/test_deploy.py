"""deploy/: the files that a stranger copies name what is there, and hold no secret."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file as docker reads it, anchors resolved."""
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def known_settings() -> set[str]:
    """Every variable that the settings read; text settings also as a file."""
    source = (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")
    texts = set(re.findall(r'\btext\(\s*"([A-Z_]+)"', source))
    others = set(re.findall(r'\b(?:flag|number|words)\(\s*"([A-Z_]+)"', source))
    return texts | others | {f"{name}_FILE" for name in texts}


def test_compose_runs_the_portals_own_commands_in_order(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("prepare", "worker"):
        interpreter, manage, command = services[name]["command"]
        assert (interpreter, manage) == ("python", "manage.py")
        assert command in get_commands()
    assert services["prepare"]["depends_on"]["database"]["condition"] == "service_healthy"
    for name in ("web", "worker"):
        condition = services[name]["depends_on"]["prepare"]["condition"]
        assert condition == "service_completed_successfully"
    assert services["prepare"]["restart"] == "no"


def test_compose_names_settings_that_exist_and_secrets_as_files_only(compose: dict[str, Any]) -> None:
    for name in ("prepare", "web", "worker"):
        service = compose["services"][name]
        assert set(service["environment"]) <= known_settings()
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        for variable, value in service["environment"].items():
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./secrets/")
    assert (ROOT / ".gitignore").read_text(encoding="utf-8").count("deploy/secrets/") == 1
    # Only a proxy on the same machine reaches the web server.
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["web"]["ports"])
    assert "ports" not in compose["services"]["database"]


def test_the_image_copies_what_is_there(compose: dict[str, Any]) -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    for line in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE):
        for name in line.split():
            assert (ROOT / name).exists(), name
            assert f"!{name}" in ignored
    assert re.search(r"^USER portal$", dockerfile, re.MULTILINE)
    assert (DEPLOY / compose["x-portal"]["build"]["context"] / "deploy" / "Dockerfile").exists()


def test_the_example_environment_names_settings_that_exist_and_no_secret() -> None:
    lines = (DEPLOY / "portal.env.example").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(values) <= known_settings()
    assert "CHANGE-ME" in values["DATABASE_URL"]
    assert "SECRET_KEY" not in values


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_start_commands_that_exist_without_rights(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    command = re.search(r"^ExecStart=/opt/portal/.venv/bin/python manage.py (\w+)", text, re.MULTILINE)
    assert command
    assert command[1] in get_commands()
    for line in ("User=portal", "NoNewPrivileges=true", "ProtectSystem=strict", "Restart=always"):
        assert f"\n{line}\n" in text


@pytest.mark.process
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_the_units(unit: Path, tmp_path: Path) -> None:
    """With the interpreter of this machine, since /opt/portal is not there."""
    text = unit.read_text(encoding="utf-8").replace(
        "/opt/portal/.venv/bin/python", shutil.which("true") or ""
    )
    copy = tmp_path / unit.name.replace("@", "@1")
    copy.write_text(text, encoding="utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in verified.stderr.splitlines() if unit.stem.partition("@")[0] in line]
    assert verified.returncode == 0, verified.stderr
    assert ours == []


def test_the_proxy_hands_on_what_the_portal_goes_by() -> None:
    text = (DEPLOY / "nginx" / "portal.conf").read_text(encoding="utf-8")
    for header in ("Host $host", "X-Forwarded-Proto $scheme", "X-Forwarded-For $remote_addr"):
        assert f"proxy_set_header {header};" in text
    assert "location = /metrics { return 404; }" in text
