"""Keys, certificates, messages, time, and judging a signature."""
