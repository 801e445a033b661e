"""Audio as it comes, and as it is heard and spoken inside AURA: mono PCM of 16 bits."""
