"""Faithful stand-ins for outside systems, each a Litestar router factory."""
