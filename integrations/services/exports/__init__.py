"""Files that leave the portal: organizations, mappings, configurations."""
