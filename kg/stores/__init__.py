"""Implementations of ``kg.stores.protocol.Store``, one a file."""
