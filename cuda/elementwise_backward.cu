// Gradients of element-wise ops: dy times the derivative in float32 or float64, rounded once.
#include <taper/core/lanes.h>
#include <taper/cuda/backend.h>
#include <taper/cuda/broadcast.h>
#include <taper/cuda/put_each.h>

namespace taper::cuda {

namespace {

// Adding 0 turns the -0 of a negative dy times 0 into +0.
template <class Op, class T>
void unary_backward_each(Runtime& runtime, std::int64_t n, const Input v, const Input dy, T a, const Result dx) {
    put_each<T>(runtime, n, dx, TAPER_BODY(std::int64_t i) { return dy.at<T>(i) * Op::grad(v.at<T>(i), a) + T(0); });
}

template <class Op, class T>
void binary_backward_each(Runtime& runtime, std::int64_t n, const Input a, const Broadcast at_a, const Input b, const Broadcast at_b, const Input dy, int operand,
                          const Result dx) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        const T left = a.at<T>(at_a(i)), right = b.at<T>(at_b(i));
        dx.put(i, dy.at<T>(i) * (operand == 0 ? Op::grad_a(left, right) : Op::grad_b(left, right)) + T(0));
    });
}

}  // namespace

void CudaBackend::unary_backward(Unary op, double a, const Tensor& saved, const Tensor& dy, Tensor& dx, const RoundingMode& mode) {
    const Tensor& v = saves(op) == Saves::nothing ? dy : saved;  // such a derivative reads nothing
    const bool in_float32 = gradient_in_float32({v.format(), dy.format(), dx.format()}) && static_cast<double>(static_cast<float>(a)) == a;
    const Input saved_in(runtime_, v), dy_in(runtime_, dy);
    const Result out(runtime_, dx, mode);
    visit(op, [&](auto form) {
        using Op = decltype(form);
        if (in_float32)
            unary_backward_each<Op, float>(runtime_, dx.elements(), saved_in, dy_in, static_cast<float>(a), out);
        else
            unary_backward_each<Op, double>(runtime_, dx.elements(), saved_in, dy_in, a, out);
    });
}

void CudaBackend::binary_backward(Binary op, const Tensor& a, const Tensor& b, const Tensor& dy, int operand, Tensor& dx, const RoundingMode& mode) {
    const bool in_float32 = gradient_in_float32({a.format(), b.format(), dy.format(), dx.format()});
    const Input left(runtime_, a), right(runtime_, b), dy_in(runtime_, dy);
    const Broadcast at_left(a.shape(), dy.shape()), at_right(b.shape(), dy.shape());
    const Result out(runtime_, dx, mode);
    visit(op, [&](auto form) {
        using Op = decltype(form);
        if (in_float32)
            binary_backward_each<Op, float>(runtime_, dx.elements(), left, at_left, right, at_right, dy_in, operand, out);
        else
            binary_backward_each<Op, double>(runtime_, dx.elements(), left, at_left, right, at_right, dy_in, operand, out);
    });
}

}  // namespace taper::cuda
