"""What trains a network: arrays, numbers and loops, without scikit-learn."""
