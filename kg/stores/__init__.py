"""Implementations of ``kg.store.Store``, one a file."""
