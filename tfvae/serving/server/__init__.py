"""The embedded server: TensorFlow Serving's contract, without Docker."""
