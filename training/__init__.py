"""Workshops that make the weights: tokenizer, corpus, base model, adapters. Nothing at run time
needs it.

``import training`` is light: torch, transformers, peft and trl are imported by the modules that use
them, when a command runs.
"""
