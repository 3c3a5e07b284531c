"""What a decision is shown as: a page, a comparison, a model-risk pack. Nothing here decides."""
