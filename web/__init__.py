"""The HTTP side: Litestar application, its documents, live streams."""
