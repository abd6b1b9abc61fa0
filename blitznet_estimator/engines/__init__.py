"""What computes a model's outputs. Each engine has a module of its own, and all are entries of `registry`."""
