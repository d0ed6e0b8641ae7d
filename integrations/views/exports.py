"""Exports: each a file that the upload of its kind reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.http import Http404, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from integrations.files.writer import WRITERS, Row
from integrations.models import IntegrationInstance
from integrations.services.exports import (
    CONFIGURATION_COLUMNS,
    MAPPING_COLUMNS,
    ORGANIZATION_COLUMNS,
    export_configurations,
)
from integrations.services.exports import export_mappings as mapping_rows
from integrations.services.exports import export_organizations as organization_rows
from integrations.views.common import SignedInRequest, file_response, needs, on_instance


def _export(
    request: SignedInRequest, kind: str, rows: Iterable[Row], columns: Sequence[str]
) -> StreamingHttpResponse:
    form = request.GET.get("format", "csv")
    if form not in WRITERS:
        raise Http404
    return file_response(
        WRITERS[form](rows, columns), f"{kind}-{timezone.localdate().isoformat()}.{form}", form
    )


@needs("view_organization")
@require_GET
def export_organizations(request: SignedInRequest) -> HttpResponseBase:
    """The organizations as a file that the upload reads."""
    return _export(request, "organizations", organization_rows(), ORGANIZATION_COLUMNS)


@on_instance("view_organizationmapping")
@require_GET
def export_mappings(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponseBase:
    """The mappings of a configuration as a file that the upload reads."""
    return _export(request, "mappings", mapping_rows([instance]), MAPPING_COLUMNS)


@needs("view_integrationinstance")
@require_GET
def export_all_configurations(request: SignedInRequest) -> HttpResponseBase:
    """All configurations as a file that the upload reads; without any secret."""
    instances = IntegrationInstance.objects.visible_to(request.user).present()
    return _export(request, "configurations", export_configurations(instances), CONFIGURATION_COLUMNS)
