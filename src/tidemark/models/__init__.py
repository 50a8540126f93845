"""Models: one recommender a module, behind one interface."""
