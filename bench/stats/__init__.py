"""The gate's error rates and delays by simulation, beside those of other methods: ``python -m bench.stats``."""
