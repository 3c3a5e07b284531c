"""The specialists: who can answer, on what, and how an answer is checked."""
