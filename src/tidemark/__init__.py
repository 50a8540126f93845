"""Tidemark: a product-recommendation platform that a data team runs from Airflow."""

__version__ = "0.1.0"
