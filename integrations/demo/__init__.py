"""Sample organizations and tenants."""
