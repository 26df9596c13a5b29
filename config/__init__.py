"""hosts.toml: the models, the loader that reports every mistake at once, and the reload diff."""
