"""The supervisor, its host sessions and live state, the CLI, and the composition root."""
