"""Bytes that must survive."""
