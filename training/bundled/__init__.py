"""The tiny chat model shipped with the product, trained from scratch on generated problems."""
