"""Kernels: faster forms of the network's operations, equal to the plain ones."""
