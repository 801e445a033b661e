"""The right model for each call: by what is asked, what models can do and cost, and how they are."""
