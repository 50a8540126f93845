"""The graph: who took what and what is recommended to whom, as files for other tools."""
