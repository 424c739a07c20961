"""Dead letters, read from their topic and sent back to where they belong."""
