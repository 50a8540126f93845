"""The registry: which models there are, and which one is live."""
