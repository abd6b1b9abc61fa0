"""Kernels: faster forms of the network's operations for CPUs, equal to the plain ones. `dispatch` decides which is used where."""
