"""Text as a voice reads it: without markup, with numbers in words, cut into sentences while it is still being written."""
