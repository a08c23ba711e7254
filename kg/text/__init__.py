"""Words as people read and write them: languages, numbers, translations, folded letters."""
