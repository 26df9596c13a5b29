"""Ordered `NNNN_name.sql` files; see `storage.migrate`."""
