"""Speech in and out: ports, one adapter file for each vendor, audio, and conversations."""
