"""The PyTorch and transformers door."""
