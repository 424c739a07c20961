"""What the ledger writes down, how it is sent, and each comparison with what is stored."""
