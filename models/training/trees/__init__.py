"""Gradient-boosted trees: fitted by LightGBM, served as ONNX, with what each column contributed to an answer."""
