"""Webhooks: what happens to a tenant's documents and jobs, told to addresses that the tenant named."""
