"""Attacks on a running portal with several processes, each bounded: how little of them counts."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from allauth.mfa.totp.internal import auth

from portal.attempts import FREE
from tests.support.web import Server, running_server

pytestmark = pytest.mark.process
PASSWORD = "a long pass phrase"
SECRET = "ABCDEFGHIJKLMNOP"
PEOPLE = f"""
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from django.contrib.auth.models import Group, User
for name in ("marcus", "rita", "tess"):
    User.objects.create_user(name, password={PASSWORD!r}).groups.add(Group.objects.get(name="Members"))
tess = User.objects.get(username="tess")
auth.TOTP.activate(tess, {SECRET!r})
print(*RecoveryCodes.activate(tess).get_unused_codes())
"""
TOKEN = """
from integrations.models import Right
from integrations.services.audit import Actor, Batch
from integrations.services.read_api import TokenSpec, create_token
print(create_token(Batch(Actor("An operator", "a test")), TokenSpec("Report", [Right.RESOLVE]))[1])
"""
EVENTS = """
import json
from collections import Counter
from integrations.models import AccountEvent
print(json.dumps(Counter(f"{e.kind} {e.factor}".strip() for e in AccountEvent.objects.all())))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Two processes with four threads each; the proxy before them says where somebody comes from."""
    with running_server(tmp_path / "data", processes=2, BEHIND_TLS_PROXY="true") as running:
        yield running


class Visitor:
    """A browser at an address, on the page of the sign-in."""

    def __init__(self, server: Server, address: str = "192.0.2.1") -> None:
        self.server, self.session = server, requests.Session()
        self.session.headers["X-Forwarded-For"] = address
        self.page = self.session.get(f"{server.url}/accounts/login/", timeout=30)

    def post(self, path: str, **values: str) -> requests.Response:
        """Send a form as the page would."""
        form = {"csrfmiddlewaretoken": self.session.cookies.get("csrftoken", ""), **values}
        return self.session.post(f"{self.server.url}{path}", form, allow_redirects=False, timeout=60)

    def sign_in(self, name: str, password: str = PASSWORD) -> bool:
        """Whether the password got the browser any further."""
        return self.post("/accounts/login/", login=name, password=password).status_code == 302

    def give_code(self, code: str) -> bool:
        """Whether the code got the browser in."""
        return self.post("/accounts/2fa/authenticate/", code=code).status_code == 302 and self.is_in()

    def is_in(self) -> bool:
        """Whether the overview is shown."""
        page = self.session.get(f"{self.server.url}/", allow_redirects=False, timeout=30)
        return page.status_code == 200


def at_once(work: Callable[[Any], bool], given: list[Any]) -> list[bool]:
    with ThreadPoolExecutor(len(given)) as pool:
        return list(pool.map(work, given))


def events(server: Server) -> dict[str, int]:
    found: dict[str, int] = json.loads(server.run(EVENTS))
    return found


def code_at(moment: float) -> str:
    return str(auth.format_hotp_value(auth.hotp_value(SECRET, int(moment) // 30)))


def test_passwords_tried_at_the_same_moment_gain_nothing(server: Server) -> None:
    """24 at once: no more are looked at than one after the other."""
    server.run(PEOPLE)
    guessers = [Visitor(server) for _ in range(24)]
    assert at_once(lambda visitor: visitor.sign_in("marcus", "wrong"), guessers) == [False] * 24
    found = events(server)
    assert found["sign_in.failed password"] <= FREE
    assert Visitor(server, "192.0.2.2").sign_in("marcus"), "the owner, elsewhere"


def test_a_strangers_guesses_lock_no_name(server: Server) -> None:
    """From 30 addresses at once, while the owner uses a browser that is known, and then a new one."""
    server.run(PEOPLE)
    home = Visitor(server, "203.0.113.5")
    assert home.sign_in("marcus")
    home.session.get(f"{server.url}/accounts/logout/", timeout=30)
    home.post("/accounts/logout/")
    assert not home.is_in()
    guessers = [Visitor(server, f"198.51.100.{number}") for number in range(30)]
    for _ in range(2):
        at_once(lambda visitor: visitor.sign_in("marcus", "wrong"), guessers[:15])
        at_once(lambda visitor: visitor.sign_in("marcus", "wrong"), guessers[15:])
        assert home.sign_in("marcus")
        assert home.is_in()
        home.post("/accounts/logout/")
    assert Visitor(server, "203.0.113.6").sign_in("rita"), "others are not concerned at all"
    refused = Visitor(server, "203.0.113.7").post("/accounts/login/", login="marcus", password=PASSWORD)
    wait = re.search(r"Try again in (\d+) seconds", refused.text)
    assert wait is None or int(wait[1]) <= 60


def test_codes_cannot_be_guessed(server: Server) -> None:
    """Who knows the password has five tries in five minutes, from however many addresses."""
    server.run(PEOPLE)
    guessers = [Visitor(server, f"198.51.100.{number}") for number in range(20)]
    assert all(visitor.sign_in("tess") for visitor in guessers)
    now = time.time()
    right = {code_at(now + shift) for shift in range(-90, 120, 30)}
    wrong = [code for code in (f"{number:06d}" for number in range(100)) if code not in right][:20]
    pairs = list(zip(guessers, wrong, strict=True))
    assert not any(at_once(lambda pair: pair[0].give_code(pair[1]), pairs))
    assert 0 < events(server)["sign_in.failed authenticator app"] <= 5
    assert not guessers[0].give_code(code_at(time.time())), "the right one comes too late"


def test_a_code_opens_once_also_at_the_same_moment(server: Server) -> None:
    codes = server.run(PEOPLE).split()
    for given in (code_at(time.time()), codes[0]):
        visitors = [Visitor(server, f"198.51.100.{number}") for number in range(4)]
        assert all(visitor.sign_in("tess") for visitor in visitors)
        pairs = [(visitor, given) for visitor in visitors]
        assert sum(at_once(lambda pair: pair[0].give_code(pair[1]), pairs)) == 1
        late = Visitor(server, "198.51.100.9")
        late.sign_in("tess")
        assert not late.give_code(given)
        server.run("from django.core.cache import cache; cache.clear()")


def test_a_session_that_ended_and_a_form_that_was_sent_open_nothing_again(server: Server) -> None:
    """The cookie of a session after signing out, and a sign-in's form with another browser's token."""
    server.run(PEOPLE)
    visitor = Visitor(server)
    before = visitor.session.cookies.get("sessionid")
    assert visitor.sign_in("marcus")
    assert visitor.session.cookies.get("sessionid") != before
    kept = requests.Session()
    kept.cookies.update(visitor.session.cookies)
    kept.cookies.pop("known", None)
    visitor.post("/accounts/logout/")
    assert kept.get(f"{server.url}/", allow_redirects=False, timeout=30).status_code == 302
    other = Visitor(server)
    form = {
        "csrfmiddlewaretoken": other.session.cookies["csrftoken"],
        "login": "marcus",
        "password": PASSWORD,
    }
    crossed = requests.post(f"{server.url}/accounts/login/", form, allow_redirects=False, timeout=30)
    assert crossed.status_code == 403


def test_a_token_that_asks_in_parallel_gets_no_more_than_its_limit(tmp_path: Path) -> None:
    """Requests of the very same moment once counted as one."""
    with running_server(
        tmp_path / "data", processes=2, BEHIND_TLS_PROXY="true", API_REQUESTS_PER_MINUTE="40"
    ) as server:
        token = server.run(TOKEN).strip()

        def ask(number: int) -> int:
            headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": f"192.0.2.{number}"}
            return requests.get(f"{server.url}/api/v1/instances", headers=headers, timeout=60).status_code

        began = time.time()
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(ask, range(120)))
        minutes = int(time.time() // 60) - int(began // 60) + 1
    assert set(answers) == {200, 429}
    assert 40 <= answers.count(200) <= 40 * minutes


def test_a_flood_of_forms_slows_no_known_browser_of_the_same_address(server: Server) -> None:
    """A colleague's broken script, or somebody in the same office: 30 forms a minute are for all of them."""
    server.run(PEOPLE)
    home = Visitor(server)
    assert home.sign_in("marcus")
    home.post("/accounts/logout/")
    flooders = [Visitor(server) for _ in range(12)]
    codes: list[int] = []
    for _ in range(6):
        codes += at_once(lambda visitor: visitor.post("/accounts/login/", login="").status_code, flooders)
    assert 0 < codes.count(200) <= 2 * 30, "of two minutes at most"
    assert codes[-1] == 429
    assert home.sign_in("marcus"), "with the same address, in the same minute"


def test_tokens_cannot_be_guessed(server: Server) -> None:
    """200 guesses at one address, 20 at once: 60 a minute are told what they are, all others to wait."""

    def guess(number: int) -> bool:
        headers = {"Authorization": f"Bearer aip_abcdefg{number % 8}_guess", "X-Forwarded-For": "192.0.2.1"}
        answer = requests.get(f"{server.url}/api/v1/instances", headers=headers, timeout=60)
        assert answer.status_code in {401, 429}
        return answer.status_code == 429

    began = time.time()
    with ThreadPoolExecutor(20) as pool:
        refused = list(pool.map(guess, range(200)))
    minutes = int(time.time() // 60) - int(began // 60) + 1
    assert refused.count(False) <= 60 * minutes + 1
