"""Adapters that speak to the outside over HTTP."""
