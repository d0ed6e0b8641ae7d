"""What is answered when the database fails for no fault of ours: 503, what happened and what to do next.

Whatever breaks comes here, also what breaks in a middleware, since Django asks for this page last.
"""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from integrations.database.faults import Fault, fault_of

RETRY_AFTER = 10  # seconds
# The heading, and what has become of what was sent.
SAID = {
    Fault.AWAY: (
        "The database is away",
        "The portal runs, but its database does not answer. What you sent was saved whole or not at all.",
    ),
    Fault.BUSY: (
        "The database is busy",
        "Something else holds what this page needs, and it waited as long as it may. Nothing was saved.",
    ),
    Fault.READ_ONLY: (
        "The portal cannot write now",
        "Its database takes no changes at the moment, so nothing was saved. Pages can be read meanwhile.",
    ),
    Fault.FULL: (
        "The portal cannot write now",
        "Its database has no room left, so nothing was saved. Whoever runs the portal has to make room.",
    ),
}


def answer_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of what nobody caught: 503 where the database is at fault, otherwise 500."""
    fault = fault_of(sys.exc_info()[1])
    return unavailable(fault) if fault else server_error(request)


def unavailable(fault: Fault) -> HttpResponse:
    """The page; it stands by itself and asks the database for nothing."""
    heading, text = SAID[fault]
    response = HttpResponse(render_to_string("503.html", {"heading": heading, "text": text}), status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
