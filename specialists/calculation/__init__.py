"""The job ``calculation``: numbers in context → an arithmetic program → its result."""
