"""The shipped fakes: deterministic, offline stand-ins for every part that can be replaced."""
