"""How good the answers are, and where the fitted numbers come from."""
