"""What does this person get now? The champion's lists, mapped, and what is newer than it; no Flask, no Spark."""
