"""Each kind of actor by itself, with probes for its neighbours."""
