"""Engines: one contract for a chat model, in process or over HTTP."""
