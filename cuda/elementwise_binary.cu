// Element-wise ops of two operands: in the lanes that give one correct rounding (core/lanes.h), or on exact numbers.
#include <taper/core/lanes.h>
#include <taper/core/odd_forms.h>
#include <taper/cuda/backend.h>
#include <taper/cuda/broadcast.h>
#include <taper/cuda/put_each.h>
#include <taper/formats/arithmetic.h>

namespace taper::cuda {

namespace {

template <class Form, class T>
void binary_each(Runtime& runtime, std::int64_t n, const Input a, const Broadcast at_a, const Input b, const Broadcast at_b, const Result y) {
    put_each<T>(runtime, n, y, TAPER_BODY(std::int64_t i) { return Form::forward(a.at<T>(at_a(i)), b.at<T>(at_b(i))); });
}

template <class Op>
TAPER_CALLED Unpacked exact_forward(const Unpacked& a, const Unpacked& b) {
    using namespace elementwise;
    if (a.kind == Kind::nan) return a;
    if (b.kind == Kind::nan) return b;
    if constexpr (std::is_same_v<Op, Add>) return exact_add(a, b);
    if constexpr (std::is_same_v<Op, Sub>) return exact_add(a, negated(b));
    if constexpr (std::is_same_v<Op, Mul>) return exact_mul(a, b);
    if constexpr (std::is_same_v<Op, Div>) return exact_div(a, b);
    return unpacked_of(Op::forward(double_of(a), double_of(b)));
}

template <class Op>
void exact_binary_each(Runtime& runtime, std::int64_t n, const Input a, const Broadcast at_a, const Input b, const Broadcast at_b, const Result y) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { y.put(i, exact_forward<Op>(a.exact(at_a(i)), b.exact(at_b(i)))); });
}

}  // namespace

void CudaBackend::binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y, const RoundingMode& mode) {
    const Input left(runtime_, a), right(runtime_, b);
    const Broadcast at_left(a.shape(), y.shape()), at_right(b.shape(), y.shape());
    const Result out(runtime_, y, mode);
    const Lanes lanes = lanes_of(op, a.format(), y.format(), mode.mode);
    visit(op, [&](auto form) {
        using Op = decltype(form);
        switch (lanes) {
            case Lanes::float32: return binary_each<Op, float>(runtime_, y.elements(), left, at_left, right, at_right, out);
            case Lanes::float64: return binary_each<Op, double>(runtime_, y.elements(), left, at_left, right, at_right, out);
            case Lanes::odd: return binary_each<OddForm<Op>, double>(runtime_, y.elements(), left, at_left, right, at_right, out);
            default: return exact_binary_each<Op>(runtime_, y.elements(), left, at_left, right, at_right, out);
        }
    });
}

}  // namespace taper::cuda
