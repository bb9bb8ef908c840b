"""The gate: the queries of the code, or of the tests, planned as production would plan them, before they get there."""
