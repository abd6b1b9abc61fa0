"""The server: a SavedModel over TensorFlow Serving's REST API. `tools/serve.py` puts the parts together."""
