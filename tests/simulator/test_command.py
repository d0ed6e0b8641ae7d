"""``manage.py autotask_simulator``, as a process of its own."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command

from integrations.simulators.autotask.fault_kinds import FAULTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.process
def test_it_serves_a_file_says_how_to_reach_it_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    file = tmp_path / "companies.csv"
    file.write_text("id,companyName\n5,From a file\n", encoding="utf-8")
    command = [sys.executable, "manage.py", "autotask_simulator", "--companies", str(file)]
    with subprocess.Popen(
        [
            *command,
            "--secret",
            "of-my-own",
            "--fault",
            "no-version",
            "--fault",
            "html-page,times=1,path=Companies/5",
        ],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.support.settings", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C stops" in line:
                break
        text = "".join(lines)
        address = re.search(r"AUTOTASK_EXTRA_HOSTS=(\S+) AUTOTASK_DISCOVERY_URL=http://\1\n", text)
        assert address, text
        assert "api@msp.example: 2 companies, zone 14" in text
        assert "of-my-own" not in text
        headers = {
            "UserName": "api@msp.example",
            "Secret": "of-my-own",
            "ApiIntegrationCode": "SIMULATED-TRACKING-IDENTIFIER",
        }
        base = f"http://{address[1]}/ATServicesRest/V1.0"
        assert requests.get(f"{base}/Version", headers=headers, timeout=10).status_code == 404
        assert "<html>" in requests.get(f"{base}/Companies/5", headers=headers, timeout=10).text
        answer = requests.get(f"{base}/Companies/5", headers=headers, timeout=10)
        assert answer.json()["item"]["companyName"] == "From a file"
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "Stopped.\n", "")


class Announced(io.StringIO):
    """Output that ends the process, as ``kill`` would, once the simulator is announced."""

    def write(self, text: str) -> int:
        written = super().write(text)
        if "Ctrl-C stops" in text:
            os.kill(os.getpid(), signal.SIGTERM)
        return written


def zone_threads() -> set[threading.Thread]:
    """The threads of zones that are served in this process."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("zone-")}


def test_sigterm_stops_it_and_leaves_the_earlier_handlers() -> None:
    before = signal.getsignal(signal.SIGTERM)
    others = zone_threads()  # of a simulator that other tests of this process share
    output = Announced()
    call_command("autotask_simulator", stdout=output)
    assert output.getvalue().endswith("Stopped.\n")
    assert "api@msp.example: 1 companies" in output.getvalue()
    assert "secret simulated-secret" in output.getvalue()
    assert signal.getsignal(signal.SIGTERM) is before
    assert zone_threads() - others == set()


def test_help_lists_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("autotask_simulator", "--fault", "help")
    text = capsys.readouterr().out
    for name, kind in FAULTS.items():
        assert f"{name}" in text
        assert kind.description.split(";")[0][:40] in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "none"], "unknown fault 'none'"),
        (["--fault", "latency,1"], "'1' is not option=value"),
        (["--companies", "/no/such/file.csv"], "cannot read /no/such/file.csv"),
        (["--port", "70000"], "70000 is not between 0 and 65535"),
        (["--latency", "-1"], "-1.0 is not between 0 and 3600"),
    ],
)
def test_mistakes_are_told(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=re.escape(message)):
        call_command("autotask_simulator", *arguments)


def test_two_kinds_of_files_exclude_each_other(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(CommandError, match="exclude each other"):
        call_command("autotask_simulator", "--companies", str(file), "--tenants", str(file))
    file.write_text("[1]", encoding="utf-8")
    with pytest.raises(CommandError, match=re.escape("x.json, tenant 1: not an object")):
        call_command("autotask_simulator", "--tenants", str(file))


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CommandError, match="cannot listen"):
        call_command("autotask_simulator", "--port", str(taken.getsockname()[1]))


@pytest.mark.parametrize("text", ["5", "five=8011", "5=99999", "=8011"])
def test_a_port_for_a_zone_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="zone-port"):
        call_command("autotask_simulator", "--zone-port", text)
