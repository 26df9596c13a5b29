"""Who asks, what they may, and which hosts they see."""
