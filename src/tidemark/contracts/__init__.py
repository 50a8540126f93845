"""Contracts: what a record, and a data set, may look like; every door holds what comes against them."""
