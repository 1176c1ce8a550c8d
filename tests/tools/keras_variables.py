"""Give variables of Keras 3, under KERAS_BACKEND, to the functions of `oneseed.backend`."""

import keras
import numpy as np

import oneseed
from oneseed import backend as K


def main():
    name = keras.backend.backend()
    for in_force in ("numpy", name):
        with oneseed.using(backend=in_force):
            x = keras.Variable(np.array([[1.5, 2.5, 3.5]], "float32"))
            framework = type(K.identity(x)).__module__
            assert framework.partition(".")[0].replace("jaxlib", "jax") == name, framework
            assert K.is_tensor(x)
            assert (K.dtype(x), K.int_shape(x), K.ndim(x), K.count_params(x)) == ("float32", (1, 3), 2, 3)
            assert K.eval(K.shape(x)).tolist() == [1, 3]
            for function, value in ((K.zeros_like, 0), (K.ones_like, 1)):
                for dtype in (None, "int8"):
                    found = K.eval(function(x, dtype))
                    assert (found.dtype, found.tolist()) == (dtype or "float32", [[value] * 3])
            assert K.eval(K.cast(x, "int32")).tolist() == [[1, 2, 3]]
            assert K.eval(K.cast_to_floatx(x)).tolist() == [[1.5, 2.5, 3.5]]
            same = K.identity(x)
            K.set_value(x, [[4, 5, 6]])
            assert K.eval(x).tolist() == keras.ops.convert_to_numpy(x).tolist() == [[4, 5, 6]]
            assert K.eval(same).tolist() == [[1.5, 2.5, 3.5]]
            K.batch_set_value([(x, np.zeros((1, 3))), (x, [[7, 8, 9]])])
            assert K.batch_get_value([x])[0].tolist() == [[7, 8, 9]]
    print(f"all hold on {name}")


if __name__ == "__main__":
    main()
