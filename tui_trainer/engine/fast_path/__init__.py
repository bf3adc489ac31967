"""Faster training steps with the same bits: manual MLP passes, bound fused optimizer steps, CUDA graphs."""
