"""The meter: a plug that measures 50 W."""

from __future__ import annotations

from llenergymeasure.domain.energy import EnergyReading


def probe(context):
    return None


def create(context):
    return WallPlug()


class WallPlug:
    name = "wall-plug"
    devices = ("plug-1",)

    def open_window(self):
        return self

    def close(self, start_s, end_s):
        return EnergyReading(meter=self.name, energy_j=50.0 * (end_s - start_s), method="sampled", n_readings=20)

    def abandon(self):
        pass

    def release(self):
        pass
