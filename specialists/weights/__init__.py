"""The embedded base and its adapters, with their model cards and run records: files, no code."""

from pathlib import Path

WEIGHTS = Path(__file__).parent
"""The folder of the shipped weights."""
