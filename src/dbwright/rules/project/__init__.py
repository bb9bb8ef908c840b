"""Rules on what stands around the code."""
