"""The only readers: from a database or a folder to a Snapshot."""
