"""What was learnt: verified bundles of ONNX graphs, and the sessions that run them."""
