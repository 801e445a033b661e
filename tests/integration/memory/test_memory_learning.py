"""What the user says of themselves becomes facts, once each, and what is newer takes the place of what is older."""
