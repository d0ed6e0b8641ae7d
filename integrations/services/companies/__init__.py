"""Their companies: read, filtered, searched, and what is told of one that is missing."""
