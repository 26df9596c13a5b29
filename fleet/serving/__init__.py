"""The API alone: what the database says of a fleet that another process watches."""
