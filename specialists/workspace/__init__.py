"""The analyst's own tables and documents, and the tools that read them."""
