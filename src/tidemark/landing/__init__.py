"""Landing: how files come in, whatever they hold: found, read through, judged row by row, counted."""
