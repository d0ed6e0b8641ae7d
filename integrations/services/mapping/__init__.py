"""The mapping table: rows, counts, proposals, review, saving."""
