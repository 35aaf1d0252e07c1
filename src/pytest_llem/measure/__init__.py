"""Measures for the plugin: experiments, the energy meter and recorded joules."""
