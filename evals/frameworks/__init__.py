"""The same adapter on the same questions through another evaluation framework."""
