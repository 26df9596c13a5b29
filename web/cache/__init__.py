"""Answers that are given again for a while: shared through Redis or Valkey, and in memory."""
