"""Docker engines of 2014 to 2017, played: what they send, and what they put up with."""
