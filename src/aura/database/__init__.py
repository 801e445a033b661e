"""The one way to the database: engines, scopes, tables, roles, migrations, the embedded server."""
