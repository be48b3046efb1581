"""The one place that picks adapters, clocks and randomness, and mounts sandboxes."""
