"""Cost, prices and totals: values in, values out."""
