"""``manage.py autotask_simulator``: a local Autotask to try the portal against."""

from __future__ import annotations

import argparse
import contextlib
import signal
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.simulators.autotask.fault_kinds import FAULTS, OptionValue
from integrations.simulators.autotask.faults import LIMITS, FaultError
from integrations.simulators.autotask.files import OWN_ORGANIZATION, CompanyFileError, load_companies
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant, load_tenants
from portal.parent import end_with_parent

USERNAME = "api@msp.example"
SECRET = "simulated-secret"  # noqa: S105  # a made-up tenant's, printed on purpose
TRACKING_IDENTIFIER = "SIMULATED-TRACKING-IDENTIFIER"


class Command(BaseCommand):
    """Serve tenants from files until Ctrl-C or SIGTERM."""

    help = (
        "Serve a simulated Autotask on this machine, for tests and demonstrations. "
        "Example: manage.py autotask_simulator --port 8010 --companies companies.csv"
    )
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=_port, default=0, metavar="N", help="0 takes a free port")
        parser.add_argument(
            "--zone-port",
            type=_zone_port,
            action="append",
            default=[],
            metavar="ZONE=PORT",
            help="the port that a zone gets when a tenant moves there (may be repeated)",
        )
        parser.add_argument("--companies", type=Path, metavar="FILE", help="companies as .csv or .json")
        parser.add_argument("--tenants", type=Path, metavar="FILE", help="several tenants as .json")
        parser.add_argument("--username", default=USERNAME)
        parser.add_argument("--secret", default=SECRET)
        parser.add_argument("--tracking-identifier", default=TRACKING_IDENTIFIER)
        parser.add_argument(
            "--fault",
            action="append",
            default=[],
            metavar="NAME[,OPTION=VALUE...]",
            help="switch a fault on (may be repeated); 'help' lists them",
        )
        parser.add_argument("--latency", type=_seconds, default=0.0, metavar="SECONDS")
        parser.add_argument(
            "--usage-latency",
            type=_seconds,
            default=1.0,
            metavar="SCALE",
            help="scale of the delay that a used-up hour brings (0: none)",
        )

    def handle(self, **options: object) -> None:
        """Start, say where, and serve until told to stop."""
        faults = [_read_fault(text) for text in _texts(options["fault"])]
        if any(name == "help" for name, _options in faults):
            self.stdout.write(faults_table())
            return
        try:
            simulator = Simulator(
                _tenants(options),
                port=int(str(options["port"])),
                latency=float(str(options["latency"])),
                usage_latency_scale=float(str(options["usage_latency"])),
                zone_ports=_zone_ports(options["zone_port"]),
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        stop = threading.Event()
        end_with_parent()
        with _set_on_stop_signals(stop):
            try:
                simulator.start()
            except OSError as error:
                message = f"cannot listen on port {options['port']}: {error.strerror}"
                raise CommandError(message) from error
            try:
                for name, fault_options in faults:
                    simulator.inject(name, **fault_options)
                self._announce(
                    simulator, [name for name, _options in faults], _zone_ports(options["zone_port"])
                )
                stop.wait()
            except FaultError as error:
                raise CommandError(str(error)) from error
            finally:
                simulator.stop()
        self.stdout.write("Stopped.")

    def _announce(self, simulator: Simulator, faults: list[str], zone_ports: dict[int, int]) -> None:
        host = simulator.base_url.removeprefix("http://").rpartition(":")[0]
        zones = "".join(f",{host}:{port}" for port in zone_ports.values())
        address = simulator.base_url.removeprefix("http://")
        lines = [f"Simulated Autotask at {simulator.base_url}"]
        for tenant in simulator.tenants.values():
            count = len(tenant.companies.snapshot().ids)
            lines.append(f"  {tenant.username}: {count:,} companies, zone {tenant.zone}")
            if tenant.secret == SECRET:  # one's own is known already, and stays off the screen
                lines.append(f"    secret {SECRET}, tracking identifier {tenant.tracking_identifier}")
        if faults:
            lines.append(f"Faults: {', '.join(faults)}")
        lines += [
            "Start the portal with",
            f"  AUTOTASK_EXTRA_HOSTS={address}{zones} AUTOTASK_DISCOVERY_URL={simulator.base_url}",
            f"Faults can be switched at {simulator.base_url}/__control__/faults. Ctrl-C stops.",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def faults_table() -> str:
    """Every fault with its description and its own options, one per paragraph."""
    lines = []
    for name, kind in FAULTS.items():
        own = "".join(f",{option}={value}" for option, value in kind.options.items())
        lines.append(f"{name}{own}")
        lines.append(textwrap.fill(kind.description, 100, initial_indent="    ", subsequent_indent="    "))
    lines.append(f"Every fault also takes: {', '.join(LIMITS)}.")
    return "\n".join(lines)


def _tenants(options: dict[str, object]) -> list[Tenant]:
    """The tenants that the options describe. Raises CommandError for files that cannot be served."""
    tenants_file, companies_file = options["tenants"], options["companies"]
    try:
        if isinstance(tenants_file, Path):
            if companies_file is not None:
                raise CommandError("--companies and --tenants exclude each other")
            return load_tenants(tenants_file)
        companies = load_companies(companies_file) if isinstance(companies_file, Path) else [OWN_ORGANIZATION]
        return [
            Tenant(
                username=str(options["username"]),
                secret=str(options["secret"]),
                tracking_identifier=str(options["tracking_identifier"]),
                companies=companies,
            )
        ]
    except CompanyFileError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        message = f"cannot read {error.filename}: {error.strerror}"
        raise CommandError(message) from error


def _read_fault(text: str) -> tuple[str, dict[str, OptionValue]]:
    """``name,option=value,...`` as name and options."""
    name, *parts = text.split(",")
    options: dict[str, OptionValue] = {}
    for part in parts:
        key, sign, value = part.partition("=")
        if not sign:
            message = f"--fault {text}: {part!r} is not option=value"
            raise CommandError(message)
        options[key.strip()] = value.strip()
    return name.strip(), options


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        message = f"{port} is not between 0 and 65535"
        raise argparse.ArgumentTypeError(message)
    return port


def _zone_port(text: str) -> tuple[int, int]:
    zone, sign, port = text.partition("=")
    if not sign or not zone.isdecimal():
        message = f"{text} is not ZONE=PORT, such as 5=8011"
        raise argparse.ArgumentTypeError(message)
    return int(zone), _port(port)


def _zone_ports(value: object) -> dict[int, int]:
    return dict(value) if isinstance(value, list) else {}


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        message = f"{seconds} is not between 0 and 3600"
        raise argparse.ArgumentTypeError(message)
    return seconds


@contextlib.contextmanager
def _set_on_stop_signals(stop: threading.Event) -> Iterator[None]:
    """Meanwhile, Ctrl-C and SIGTERM set the event instead of ending the process where it stands."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's alone
        return

    def set_event(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    previous = {number: signal.signal(number, set_event) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
