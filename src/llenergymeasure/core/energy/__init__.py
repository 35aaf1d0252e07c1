"""The energy meters; all implement `EnergyBackend`."""
