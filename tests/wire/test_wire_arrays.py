import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from visum.v1 import common_pb2

from visum_wire import InvalidInput, from_array, to_array

DTYPES = ["<f2", "<f4", "<f8", "u1", "<i4", "<i8"]


@given(st.data(), st.sampled_from(DTYPES))
def test_arrays_survive_the_wire(data, dtype):
    elements = {"allow_nan": False, "allow_infinity": False} if dtype[1] == "f" else {}
    values = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_dims=3), elements=elements))
    message = common_pb2.Array.FromString(to_array(values).SerializeToString())
    received = from_array(message, "field", dtype, [None] * values.ndim)
    assert received.dtype == np.dtype(dtype)
    assert received.shape == values.shape
    np.testing.assert_array_equal(received, values)


def test_big_endian_and_strided_arrays_arrive_as_little_endian_rows():
    values = np.arange(12, dtype=">i4").reshape(3, 4)[:, ::2]
    np.testing.assert_array_equal(from_array(to_array(values), "f", "<i4", (3, 2)), values)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda m: setattr(m, "dtype", common_pb2.DATA_TYPE_INT32), "boxes.dtype"),
        (lambda m: setattr(m, "dtype", common_pb2.DATA_TYPE_UNSPECIFIED), "boxes.dtype"),
        (lambda m: m.shape.append(1), "boxes.shape"),
        (lambda m: m.shape.__setitem__(0, -3), "boxes.shape"),
        (lambda m: m.shape.__setitem__(1, 3), "boxes.shape"),
        (lambda m: m.shape.__setitem__(0, 1 << 62), "boxes.shape"),
        (lambda m: m.shape.__setitem__(0, 1 << 30), "boxes.data"),
        (lambda m: setattr(m, "data", m.data[:-1]), "boxes.data"),
        (lambda m: setattr(m, "data", b"\x00\x00\xc0\x7f" + m.data[4:]), "boxes.data"),
        (lambda m: setattr(m, "data", b"\x00\x00\x80\x7f" + m.data[4:]), "boxes.data"),
    ],
)
def test_an_array_that_breaks_its_promise_is_refused_by_field(change, field):
    message = to_array(np.zeros((3, 4), np.float32))
    change(message)
    with pytest.raises(InvalidInput) as caught:
        from_array(message, "boxes", np.float32, (None, 4))
    assert caught.value.field == field


def test_no_rows_of_a_huge_width_are_refused():
    message = common_pb2.Array(dtype=common_pb2.DATA_TYPE_FLOAT16, shape=[0, 1 << 61])
    with pytest.raises(InvalidInput, match="extent"):
        from_array(message, "descriptors", np.float16, (0, None))


def test_a_dtype_without_a_place_on_the_wire_is_refused():
    with pytest.raises(InvalidInput, match="complex128"):
        to_array(np.zeros(2, complex))
