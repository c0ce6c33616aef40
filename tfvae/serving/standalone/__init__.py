"""The check of an export, run by path in a process of its own; it imports TensorFlow and nothing of tfvae."""
