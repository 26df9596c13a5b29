"""The routes over HTTP: our own documents, and those that proxies read."""
