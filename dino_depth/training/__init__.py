"""Running the recipe: checkpoints, metrics, the command line."""
