"""The paper's method on tokens: modulators and mappings, their training, and the anomaly maps (Eqs. 3 to 12)."""
