"""The processes that vLLM starts for several devices: their errors, interrupts, and their end."""
