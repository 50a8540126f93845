"""The console: Tidemark's pages in the Airflow UI. Page models here, routes in `routes`, permissions in the plugin."""
