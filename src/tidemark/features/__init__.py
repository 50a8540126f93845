"""Features: what is known of a product, as a vector, by a pipeline of Spark ML that is kept with its version."""
