"""Connections, transactions, migrations, backup and errors of the database."""
