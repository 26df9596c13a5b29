"""What labels or a Compose file would make, before anything runs."""
