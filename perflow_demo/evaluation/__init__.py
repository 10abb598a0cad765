"""What the program's claims are worth, in numbers: quality, straightness, styles, words, speed."""
