"""Keeps in memory who may ask for what, as the database has it, and tells the audit."""
