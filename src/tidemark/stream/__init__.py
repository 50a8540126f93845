"""The stream: how interactions come in by Kafka, what is behind, and when a retrain is due."""
