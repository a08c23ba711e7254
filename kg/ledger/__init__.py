"""The ledger: every change as who, when, why and an exact difference, and what else must last."""
