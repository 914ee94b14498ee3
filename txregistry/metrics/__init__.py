"""What is counted, in plain numbers: without Twisted, to cost what numbers do."""
