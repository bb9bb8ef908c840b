"""What dbwright knows and says, as frozen data. Standard library only; nothing of ours is imported from outside."""
