"""DINO-v2-style self-supervised pretraining of a ViT on depth maps."""
