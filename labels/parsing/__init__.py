"""Labels into wishes and issues: every grammar at once, never raising."""
