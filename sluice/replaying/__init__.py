"""Events run through again: from the archive or from the topic, resumable."""
