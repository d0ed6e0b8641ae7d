"""What goes over the wire: a received request and the answer to it, before any socket is involved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ZoneAddress:
    """Where a zone listens. ``base_url`` has no final slash, ``api_url`` has one and holds no version."""

    number: int
    base_url: str

    @property
    def api_url(self) -> str:
        """The address that zone discovery answers."""
        return f"{self.base_url}/ATServicesRest/"

    @property
    def host(self) -> str:
        """The name under which this zone challenges callers."""
        return f"webservices{self.number}.autotask.net"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received. Names in ``query`` and ``headers`` are in lower case; the last of several wins.

    ``route`` is the path in lower case without a final slash.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    zone: ZoneAddress

    @property
    def route(self) -> str:
        """The path as routes are compared."""
        return self.path.lower().rstrip("/")

    @property
    def username(self) -> str:
        """The user the request is about: of its header, or the one asked for at zone discovery."""
        return self.headers.get("username") or self.query.get("user", "")

    def json(self) -> object:
        """The body's JSON; None where there is none that can be read, which the service treats alike."""
        try:
            content: object = json.loads(self.body) if self.body.strip() else None
        except (ValueError, RecursionError):
            content = None
        return content


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an answer is sent. Sizes in bytes, ``pause`` in seconds.

    ``drip`` sends the body in pieces of that size with ``pause`` between them; ``cut_after`` closes the
    connection after that many bytes of the body; ``drop`` closes it before the first byte of the answer.
    """

    drip: int = 0
    pause: float = 0.0
    cut_after: int | None = None
    drop: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: ``payload`` becomes JSON unless ``body`` says otherwise."""

    status: int = 200
    payload: object = None
    body: bytes | None = None
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = field(default_factory=Delivery)

    def encoded(self) -> bytes:
        """The body as bytes."""
        if self.body is not None:
            return self.body
        return json.dumps(self.payload, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )


def refusal(status: int, text: str) -> Answer:
    """An error in the service's own shape."""
    return Answer(status, {"errors": [text]})


def no_such_method(method: str) -> Answer:
    """The answer to a verb that a path does not know."""
    return Answer(405, {"Message": f"The requested resource does not support http method '{method}'."})


def no_such_path(request: Request) -> Answer:
    """The answer to a path that does not exist."""
    address = f"{request.zone.base_url}{request.path}"
    return Answer(404, {"Message": f"No HTTP resource was found that matches the request URI '{address}'."})


def unauthorized(request: Request) -> Answer:
    """The answer to any wrong credentials: nothing that says which part is wrong."""
    return Answer(401, body=b"", headers={"WWW-Authenticate": f'Basic Realm="{request.zone.host}"'})
