"""The embedded base and its adapters, with their model cards and run records: files, no code."""
