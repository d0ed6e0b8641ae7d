"""What several tests need: people, rows, processes, databases."""
