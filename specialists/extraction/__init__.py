"""The extraction specialist: one asked figure out of one passage."""
