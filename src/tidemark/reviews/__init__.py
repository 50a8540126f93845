"""Reviews: how files of Amazon reviews and products come in: landed, judged, cleaned, loaded."""
