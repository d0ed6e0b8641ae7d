"""Files that leave the portal: organizations, mappings, configurations."""

from integrations.services.exports.configurations import COLUMNS as CONFIGURATION_COLUMNS
from integrations.services.exports.configurations import export_configurations
from integrations.services.exports.mappings import COLUMNS as MAPPING_COLUMNS
from integrations.services.exports.mappings import export_mappings
from integrations.services.exports.organizations import COLUMNS as ORGANIZATION_COLUMNS
from integrations.services.exports.organizations import export_organizations

__all__ = [
    "CONFIGURATION_COLUMNS", "MAPPING_COLUMNS", "ORGANIZATION_COLUMNS", "export_configurations",
    "export_mappings", "export_organizations",
]  # fmt: skip
