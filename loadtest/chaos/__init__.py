"""The stack under load while a seeded schedule of faults is carried out, and a ledger that says what came of it."""
