"""Speed and size, printed; never tested."""
