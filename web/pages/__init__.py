"""The pages for people: rendered here, kept live by streams of what changed."""
