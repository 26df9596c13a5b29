"""RevP label grammars. Pure: imports nothing of ours."""
