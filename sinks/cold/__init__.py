"""Old days from the store into object storage."""
