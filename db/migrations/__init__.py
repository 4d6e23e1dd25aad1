"""The history of the schema, one file a step; `db.storage.migrate` runs it."""
