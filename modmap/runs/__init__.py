"""What lies on disk: fits, predictions and evaluations, and the files that they write and read back."""
