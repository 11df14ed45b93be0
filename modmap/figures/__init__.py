"""The paper's figures of one's own data: features, cross-view maps, successes and failures."""
