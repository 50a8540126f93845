"""Charts: what runs found, as PNG and SVG; one style (`style`), one module for each thing that is shown."""
