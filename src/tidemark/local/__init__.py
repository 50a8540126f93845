"""How the platform runs on one machine: real servers and Airflow under one supervisor, all on the loopback."""
