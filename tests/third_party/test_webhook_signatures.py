"""Messages are accepted by the Node twin of the Standard Webhooks library."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from integrations.services.webhooks.keys import new_key, signature_headers

pytestmark = [pytest.mark.third_party, pytest.mark.xdist_group("third_party")]

HERE = Path(__file__).resolve().parent
NODE_FOLDER = HERE.parents[1] / "var" / "third_party" / "node"


def test_the_node_library_accepts_what_is_signed_and_nothing_else() -> None:
    if shutil.which("node") is None or not (NODE_FOLDER / "node_modules" / "standardwebhooks").is_dir():
        reason = "standardwebhooks for Node is not installed: run tests/third_party/install.sh"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    key, other, of_before = new_key(), new_key(), "whk_" + "x" * 43
    body = '{"type":"mapping.changed","name":"Müller & Söhne"}'
    headers = signature_headers([key, other, of_before], "msg_1", dt.datetime.now(dt.UTC), body.encode())
    messages = [
        {"key": key, "headers": headers, "body": body},
        {"key": other, "headers": headers, "body": body},
        {"key": "whsec_" + base64.b64encode(of_before.encode()).decode(), "headers": headers, "body": body},
        {"key": new_key(), "headers": headers, "body": body},
        {"key": key, "headers": headers, "body": body + " "},
        {"key": key, "headers": {**headers, "webhook-id": "msg_2"}, "body": body},
    ]
    finished = subprocess.run(
        ["node", HERE / "verify_webhook.cjs"],
        cwd=NODE_FOLDER,
        env={"PATH": os.environ.get("PATH", ""), "MESSAGES": json.dumps(messages)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(finished.stdout) == [True, True, True, False, False, False]
