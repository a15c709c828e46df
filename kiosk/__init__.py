"""The terminal: a visit from card to receipt, and what carries it out."""
