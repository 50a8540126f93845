"""Deployment: what one machine and a cluster are told alike."""
