"""One file for each vendor of speech. A vendor's package is imported when its adapter is first used."""
