"""Stand-alone scripts which the project's own interpreter runs; dbwright itself does not import them."""
