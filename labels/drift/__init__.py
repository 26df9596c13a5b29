"""What running proxies have, against the table of routes."""
