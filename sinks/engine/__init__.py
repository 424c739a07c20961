"""The loop every sink shares."""
