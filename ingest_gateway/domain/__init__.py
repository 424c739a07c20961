"""Limits and validation: values in, values out."""
