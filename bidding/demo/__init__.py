"""A whole tender on the sandbox, printed step by step (演示)."""
