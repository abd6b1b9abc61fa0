"""The parts of `python -m tools.prepare_data`."""
