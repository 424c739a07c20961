"""What `sluice top` shows: metrics read, set against what they were, laid out."""
