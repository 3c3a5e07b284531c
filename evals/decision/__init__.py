"""How a specialist's training method is decided: design, capture, analysis, rule, record."""
