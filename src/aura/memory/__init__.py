"""What AURA remembers of a user. So far: conversations, turn by turn."""
