"""Evaluation: how good a model is, on what it has not seen, and whether it may go live."""
