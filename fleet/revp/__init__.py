"""The routes of the live fleet: the tracker's changes into the table of routes."""
