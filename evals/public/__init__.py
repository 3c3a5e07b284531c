"""Public question sets for evaluation, by file or hub id. Nothing here is trained on or copied."""
