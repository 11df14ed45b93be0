"""From views to tokens: frozen encoders, their input, where their weights come from, and the tokens of a scan."""
