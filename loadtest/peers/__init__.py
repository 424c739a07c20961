"""Sluice beside others that do the same work on the same topic in one run: `make peers`."""
