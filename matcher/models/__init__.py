"""Language models that can be had without a network."""
