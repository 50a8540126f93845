"""The commands of one machine: `tidemark`, and what sends interactions."""
