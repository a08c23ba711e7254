"""Files of many entries: whose lists are known, and how their rows come in."""
