"""Items: what is said of one item, from whatever door, and what of it holds."""
