"""Advice from a whole workload: what could be built, what it would cost and save, and which of it is best together."""
