"""What `sluice demo` sends and shows."""
