"""The paper's figures drawn from one's own data: features, cross-view maps, successes and failures."""
