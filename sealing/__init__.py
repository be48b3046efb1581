"""Seals and their use."""
