"""Sources: how files of any team come in, whatever their columns are called: interactions and products."""
