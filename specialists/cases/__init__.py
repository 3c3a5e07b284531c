"""Worked cases: solved questions, found again for a new one, and what they say it asks for."""
