"""What the program says of itself: one line for each thing, as text or JSON, on stderr."""
