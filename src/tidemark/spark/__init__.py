"""Spark: how a job is called, gets its session, starts quickly and says what went wrong."""
