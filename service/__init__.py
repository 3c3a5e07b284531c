"""The HTTP door: questions in, sourced answers out."""
