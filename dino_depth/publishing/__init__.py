"""The parts of publishing an encoder: its directory, its card, its way to the hub."""
