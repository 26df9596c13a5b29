"""History in PostgreSQL: schema, batches, queries, and the embedded server."""
