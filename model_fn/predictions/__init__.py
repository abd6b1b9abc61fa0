"""Predictions: raw outputs to boxes and masks, in the graph."""
