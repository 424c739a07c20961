"""What the services agree on: events, merge, codec, topics, settings, errors, metrics."""
