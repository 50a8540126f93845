"""The console: Tidemark's pages in the Airflow UI. `application` puts the routes together; permissions come from the plugin."""
