"""What `tools.benchmark` measures, one module a subject: limits, input, train, predict, evaluation, export, and the reference."""
