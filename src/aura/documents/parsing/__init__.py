"""Reading files: everything that runs in the killable parser process, and nothing that needs more than that."""
