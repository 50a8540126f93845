"""Backtest: how often to retrain, and on how much, measured on what is stored: no system tells its users otherwise."""
