"""dbwright plan and dbwright advise, as a user calls them, on the snapshot of a shop with rows."""
