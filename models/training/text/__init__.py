"""How the bundle `text-enzh` is made: corpus, vocabulary, network, fit, quantize, card, in this order."""
