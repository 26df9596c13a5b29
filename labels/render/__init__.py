"""Renderers: from the table of routes to what each proxy reads. Pure and byte-deterministic."""
