"""Adam, its update of a variable in one pass."""

import keras
import tensorflow as tf

__all__ = ["Adam"]


@keras.saving.register_keras_serializable("tfvae")
class Adam(keras.optimizers.Adam):
    """Keras's Adam with the update of a variable as one fused operation instead of some ten.

    On a CPU the ten passes took a quarter of the step of a small MLP. The arguments are Keras's.

    Reference:
        Kingma and Ba, 2015. Adam: A Method for Stochastic Optimization, section 2. https://arxiv.org/abs/1412.6980
    """

    def update_step(self, gradient, variable, learning_rate):
        if self.amsgrad:  # the fused operation has no running maximum
            super().update_step(gradient, variable, learning_rate)
            return
        index, dtype = self._get_variable_index(variable), variable.dtype
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        steps = keras.ops.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(beta_1, steps),
            beta2_power=tf.pow(beta_2, steps),
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
        )
