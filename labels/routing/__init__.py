"""The table of routes: pools, conflicts and lifecycle, by event, without I/O."""
