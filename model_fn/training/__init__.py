"""Training: losses, optimizers, the first weights, and what is told of them."""
