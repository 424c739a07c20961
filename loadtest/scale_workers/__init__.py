"""Workers scaled from one to three and back under load."""
