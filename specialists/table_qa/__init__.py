"""The job ``table_qa``: a question about tables → tool calls → a number or a name with its cells."""
