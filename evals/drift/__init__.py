"""Whether a specialist still does in service what its decision record says of it."""
