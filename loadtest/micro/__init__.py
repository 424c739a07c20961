"""The hot functions one by one: how long they take (`make micro`), and whether they have become slower (`make ratios`)."""
