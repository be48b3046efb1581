"""The trading side: sections, reception, opening, record."""
