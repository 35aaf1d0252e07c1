"""The PyTorch backend. Only this package imports torch and transformers."""
