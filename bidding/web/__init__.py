"""The web edge: Litestar handlers, templates, static files."""
