"""What mode export writes. Each format has a module of its own, and all are entries of `registry`."""
