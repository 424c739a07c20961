"""Events to merged, priced, summed rows, on Faust."""
