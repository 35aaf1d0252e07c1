"""Small random models of many architectures, made from transformers' own configurations."""
