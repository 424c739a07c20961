"""Scores of what has been stored, by rules: row topics → scores on `events`."""
