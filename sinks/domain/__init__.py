"""Batches, cuts, back-off: values in, values out."""
