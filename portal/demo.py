"""``make demo``: the portal with sample data and a simulated Autotask, on this machine.

Makes its own keys at the first run, keeps everything under ``var/demo``, and becomes ``manage.py serve``.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOVE_TO = 5  # the zone to which a tenant of the demo can be moved
FOLDER = ROOT / "var" / "demo"


def keys() -> dict[str, str]:
    """The demo's own SECRET_KEY and encryption key, made once."""
    path = FOLDER / "keys.json"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        made = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "PORTAL_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        path.write_text(json.dumps(made), encoding="utf-8")
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def is_free(port: int) -> bool:
    """True when nothing listens on the port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def main() -> None:
    """Prepare the demo and serve it."""
    port = int(os.environ.get("PORT", "8000"))
    simulator_port = int(os.environ.get("SIMULATOR_PORT", "8010"))
    # Where a tenant lives after a move, which anybody may try: README, "The demo".
    zone_port = int(os.environ.get("SIMULATOR_ZONE_PORT", str(simulator_port + 1)))
    wanted = ((port, "PORT"), (simulator_port, "SIMULATOR_PORT"), (zone_port, "SIMULATOR_ZONE_PORT"))
    for number, name in wanted:
        if not is_free(number):
            sys.exit(f"Port {number} is in use. Choose another one: make demo {name}={number + 1}")
    os.environ.update(
        keys(),
        PORTAL_ENVIRONMENT="demo",
        PORTAL_DATA_DIR=str(FOLDER),
        AUTOTASK_EXTRA_HOSTS=f"127.0.0.1:{simulator_port},127.0.0.1:{zone_port}",
        AUTOTASK_DISCOVERY_URL=f"http://127.0.0.1:{simulator_port}",
        DATABASE_URL=os.environ.get("DATABASE_URL", ""),
        # What was printed stays in sight: no line for every request below it.
        LOG_LEVEL=os.environ.get("LOG_LEVEL") or "WARNING",
    )
    if not os.environ["DATABASE_URL"]:
        del os.environ["DATABASE_URL"]
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "prepare", "--verbosity", "0"], check=True)  # noqa: S603  # our own command
    subprocess.run([*manage, "load_demo"], check=True)  # noqa: S603
    tenants = str(FOLDER / "demo" / "tenants.json")
    os.execv(  # noqa: S606  # becomes the server, so that Ctrl-C goes straight to it
        sys.executable,
        [*manage, "serve", "--bind", f"127.0.0.1:{port}", "--simulator", tenants,
         "--simulator-port", str(simulator_port), "--simulator-zone-port", f"{MOVE_TO}={zone_port}"],
    )  # fmt: skip


if __name__ == "__main__":
    main()
