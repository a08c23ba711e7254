"""What every route shares: answers, negotiation, errors, language, sign-in."""
