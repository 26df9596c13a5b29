"""The live fleet in another process: published by the one that watches, mirrored by who serves."""
