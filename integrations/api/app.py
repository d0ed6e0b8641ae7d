"""The API itself: its operations, its problems and its description."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI

from integrations.api.endpoints import router
from integrations.api.problems import CONTENT_TYPE, answer_problems, title_of
from integrations.api.webhook_messages import described_webhooks

PREFIX = "/api/v1/"
DESCRIPTION = (
    "Organizations, companies, instances and mappings for other programs. Read only. Every refusal is an "
    "application/problem+json. Answers carry an ETag; send it back as If-None-Match to be told 304 when "
    "nothing has changed."
)


class PortalAPI(NinjaAPI):
    """An API whose description says what its problems are sent as."""

    def get_openapi_schema(self, **_: Any) -> Any:
        """OpenAPI 3.1; the same wherever the portal runs."""
        schema = super().get_openapi_schema(path_prefix=PREFIX)
        for operations in schema["paths"].values():
            for operation in operations.values():
                _complete(operation)
        schema["webhooks"], told = described_webhooks()
        schema["components"]["schemas"] |= told
        return schema


def _complete(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        response["description"] = title_of(int(status))
        if int(status) >= 400:
            response["content"] = {CONTENT_TYPE: response["content"]["application/json"]}
    operation["responses"] = {
        **operation["responses"],
        304: {"description": "Not Modified: what If-None-Match named is still the answer."},
    }
    operation["responses"][200]["headers"] = {
        "ETag": {"schema": {"type": "string"}, "description": "Names this answer, for If-None-Match."}
    }
    if 429 in operation["responses"]:
        operation["responses"][429]["headers"] = {
            "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}
        }


api = PortalAPI(
    title="Integration portal",
    version="1",
    description=DESCRIPTION,
    openapi_url=None,
    docs_url=None,
    urls_namespace="api",
)
api.add_router("", router)
answer_problems(api)
