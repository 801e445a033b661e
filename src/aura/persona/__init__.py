"""How an answer is said to one user: chosen, learned, or the organisation's own way. Never what is true or cited."""
