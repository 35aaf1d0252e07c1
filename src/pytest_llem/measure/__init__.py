"""The measuring side of the plugin: experiments, the energy meter, recorded joules."""
