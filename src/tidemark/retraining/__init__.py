"""Retraining: from what may be learned from to what is live, one module for each task of the DAG."""
