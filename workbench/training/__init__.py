"""Candidates, preference training and the texts that show what it changed.

The only room that uses torch, transformers, trl and peft, and only inside functions: importing anything here loads
none of them. A training run is a process of its own with a folder of its own (`jobs`); notebooks only read it.

models      find, convert and load a causal language model
candidates  several answers a prompt, resumable, and the pair worth judging
dpo         direct preference optimisation on pairs, as a LoRA adapter
jobs        the run folder, its process, status, metrics, cancel
evaluate    answers of base and adapter side by side; implicit rewards on held-out pairs
"""
