"""The numbers of a step of Adam that its rule and its compiled loop share."""

from math import sqrt


def bias_corrected(config):
    """Return the epsilon and the learning rate of a step, from a configuration of Adam.

    They combine the scales of the averages m and v with both bias corrections. They are
    Python floats, since NumPy scalars would turn float32 arrays into float64 ones.
    """
    beta1, beta2, t = config["beta1"], config["beta2"], config["t"]
    m_scale = (1 - beta1) / (1 - beta1**t)
    root_scale = sqrt((1 - beta2) / (1 - beta2**t))
    epsilon = config["epsilon"] / root_scale
    return epsilon, config["learning_rate"] * m_scale / root_scale
