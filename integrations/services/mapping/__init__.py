"""The mapping table: rows, counts, proposals, review, saving."""

from integrations.services.mapping.assign import OrganizationDeleted, remove_mappings, set_mapping
from integrations.services.mapping.counts import pending_changes
from integrations.services.mapping.preferences import COLUMN_LABELS, USUAL_SIZE, TableView
from integrations.services.mapping.proposals import (
    SURE_BY,
    CompanyNotOffered,
    OrganizationElsewhere,
    choose_company,
    discard_proposal,
    select_matching,
    select_proposals,
)
from integrations.services.mapping.review import ReviewQueue, ReviewStep
from integrations.services.mapping.rows import FALLING_SORTS, HERE, PAGE_SIZES, SORTS, RowState, TableQuery
from integrations.services.mapping.save import accept_match, confirm_mappings, save_mappings
from integrations.services.mapping.seen import SeenRows, SeenTable
from integrations.services.mapping.shared import SharedCompany
from integrations.services.mapping.table import MappingTable, TableNumbers, mapping_table, one_row
from integrations.services.mapping.warnings import NEXT_STEPS, WARNING_LABELS

__all__ = [
    "COLUMN_LABELS", "FALLING_SORTS", "HERE", "NEXT_STEPS", "PAGE_SIZES", "SORTS",
    "SURE_BY", "USUAL_SIZE", "WARNING_LABELS", "CompanyNotOffered", "MappingTable", "OrganizationDeleted",
    "OrganizationElsewhere", "ReviewQueue", "ReviewStep", "RowState", "SeenRows", "SeenTable",
    "SharedCompany", "TableNumbers", "TableQuery", "TableView", "accept_match", "choose_company",
    "confirm_mappings", "discard_proposal", "mapping_table", "one_row", "pending_changes",
    "remove_mappings", "save_mappings", "select_matching", "select_proposals", "set_mapping",
]  # fmt: skip
