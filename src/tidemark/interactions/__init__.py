"""Interactions: what one user-item event is, from whatever door it comes."""
