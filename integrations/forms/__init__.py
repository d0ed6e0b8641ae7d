"""One form per card; each knows the browser and nothing of the database."""
