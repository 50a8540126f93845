"""Exploration: what the stored reviews are like, and a sample of them with its proof."""
