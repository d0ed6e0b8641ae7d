"""Settings of the test suite: the portal's own, with an environment that names no production system."""

import os
import tempfile
from pathlib import Path

os.environ["PORTAL_ENVIRONMENT"] = "test"
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x1y2z3" * 8)
os.environ.setdefault("PORTAL_ENCRYPTION_KEYS", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
os.environ.setdefault("PORTAL_DATA_DIR", str(Path(tempfile.gettempdir(), "portal-tests")))
# The tests talk to this machine alone: its office's proxy and CA are nothing to them, and each client that is
# made would read the CA's file, which takes longer than most tests.
os.environ |= dict.fromkeys(("HTTPS_PROXY", "https_proxy", "AUTOTASK_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), "")

from portal.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and nobody's password
# Each test's client makes the middleware anew, which otherwise looks through all static files every time.
WHITENOISE_AUTOREFRESH = True
