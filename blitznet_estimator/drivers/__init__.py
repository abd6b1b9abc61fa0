"""The modes of main.py. Each driver's `run` is given the input_fn and the model_fn; it imports neither."""
