"""Work in the background: turns that tenants take one after the other, a worker that runs them, and the clock's jobs."""
