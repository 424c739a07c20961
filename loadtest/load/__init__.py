"""`make load`: load on a whole stack, the ledger along with it, and what it took, written down."""
