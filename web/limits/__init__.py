"""What one client may take of this server: requests, connections, attempts with credentials."""
