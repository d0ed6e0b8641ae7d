"""How rows are written in bulk, queries kept, and SQLite set up."""
