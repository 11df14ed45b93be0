"""Files of every kind: written whole or not at all, images and depth, JSON that is checked."""
