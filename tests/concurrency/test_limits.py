"""Limits hold exactly, however many processes and threads ask at the same moment."""

from __future__ import annotations

import time

import pytest

from tests.support.databases import Database, results

LIMIT = 100


@pytest.mark.long
def test_a_token_is_let_in_as_often_as_its_limit_says(database: Database) -> None:
    ((made),) = results(database.start("make_token"))
    ask = f"ask_in_a_crowd {made['token']} 8 10"
    began = time.time()
    told = results(database.start(f"{ask} + {ask} + {ask}", API_REQUESTS_PER_MINUTE=str(LIMIT)))
    minutes = int(time.time() // 60) - int(began // 60) + 1
    let_in = sum(each["let_in"] for each in told)
    assert LIMIT <= let_in <= LIMIT * minutes
    ((times,),) = database.query("SELECT times FROM integrations_requestcount")
    assert times == 240 or minutes > 1
