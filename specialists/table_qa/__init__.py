"""The job ``table_qa``: a question about tables → tool calls → a value with its cells."""
