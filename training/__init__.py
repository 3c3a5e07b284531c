"""Where specialists are made: tokenizer, pretraining, adapters, and the record of each run."""
