"""Events as Avro object files."""
