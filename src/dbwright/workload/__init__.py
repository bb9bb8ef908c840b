"""Where a workload comes from, one source a file: each gives a `WorkloadRead`."""
