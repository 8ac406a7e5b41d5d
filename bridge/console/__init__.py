"""The operators' console: pages, and the admin API under them, behind a login."""
