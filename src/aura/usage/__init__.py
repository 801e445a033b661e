"""What is used and what it costs, what is still allowed, who did what, and the numbers that an administrator looks at."""
