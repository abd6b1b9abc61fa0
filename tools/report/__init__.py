"""The report of a model: one HTML page that shows how it was trained, what it does and what it gets wrong."""
