"""The sentiment specialist: how a headline or sentence bears on one company."""
