// Element-wise loops, compiled once per CPU level.
#include <taper/core/cpu/elementwise_kernels.h>
#include <taper/core/odd_forms.h>

namespace taper::TAPER_LEVEL {
namespace {

using namespace elementwise;

template <class Op, class T>
void unary(const T* __restrict x, T a, T* __restrict y, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] = Op::forward(x[i], a);
}

template <class Op, class T>
void binary(const T* __restrict a, const T* __restrict b, T* __restrict y, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] = Op::forward(a[i], b[i]);
}

// Adding 0 turns the -0 of a negative dy times 0 into +0.
template <class Op, class T>
void unary_backward(const T* __restrict v, const T* __restrict dy, T a, T* __restrict dx, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) dx[i] = dy[i] * Op::grad(v[i], a) + T(0);
}

template <class Op, class T>
void binary_backward_a(const T* __restrict a, const T* __restrict b, const T* __restrict dy, T* __restrict dx, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) dx[i] = dy[i] * Op::grad_a(a[i], b[i]) + T(0);
}

template <class Op, class T>
void binary_backward_b(const T* __restrict a, const T* __restrict b, const T* __restrict dy, T* __restrict dx, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) dx[i] = dy[i] * Op::grad_b(a[i], b[i]) + T(0);
}

// One pass an operation: a chunk lies in the first-level cache, and every operation is rounded by itself.
template <class T>
void sgd(const SgdLoop<T>& step, T* __restrict g, T* __restrict v, const T* __restrict w, std::size_t n) {
    const T momentum = step.momentum, weight_decay = step.weight_decay, scale = step.gradient_scale;
    if (scale != 1) {
        for (std::size_t i = 0; i < n; ++i) g[i] = g[i] * scale;
    }
    if (weight_decay != 0) {
        for (std::size_t i = 0; i < n; ++i) g[i] = g[i] + weight_decay * w[i];
    }
    if (!step.velocity) return;
    if (step.first) {
        for (std::size_t i = 0; i < n; ++i) v[i] = g[i];
    } else {
        for (std::size_t i = 0; i < n; ++i) v[i] = momentum * v[i] + g[i];
    }
    if (step.nesterov) {
        for (std::size_t i = 0; i < n; ++i) g[i] = g[i] + momentum * v[i];
    }
}

template <class T>
void adam(const AdamLoop<T>& step, T* __restrict g, T* __restrict m, T* __restrict v, T* __restrict w, std::size_t n) {
    const T scale = step.gradient_scale, weight_decay = step.weight_decay, root_scale = step.root_scale, eps = step.eps;
    const T beta1 = step.beta1, rest1 = step.rest1, beta2 = step.beta2, rest2 = step.rest2;
    if (scale != 1) {
        for (std::size_t i = 0; i < n; ++i) g[i] = g[i] * scale;
    }
    if (weight_decay != 0 && step.decoupled) {
        for (std::size_t i = 0; i < n; ++i) w[i] = w[i] - weight_decay * w[i];
    } else if (weight_decay != 0) {
        for (std::size_t i = 0; i < n; ++i) g[i] = g[i] + weight_decay * w[i];
    }
    for (std::size_t i = 0; i < n; ++i) m[i] = beta1 * m[i] + rest1 * g[i];
    for (std::size_t i = 0; i < n; ++i) v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
    for (std::size_t i = 0; i < n; ++i) g[i] = m[i] / (root_scale * Sqrt::forward(v[i], T(0)) + eps);
}

template <class T>
void descend(T lr, const T* __restrict d, T* __restrict w, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) w[i] = w[i] - lr * d[i];
}

template <class Code>
void by_table(const void* table, const std::uint8_t* __restrict x, void* y, std::size_t n) {
    const Code* __restrict entry = static_cast<const Code*>(table);
    Code* __restrict out = static_cast<Code*>(y);
    for (std::size_t i = 0; i < n; ++i) out[i] = entry[x[i]];
}

template <class Code>
TAPER_FN bool within(Code code, Code first, Code count) {
    return static_cast<Code>(code - first) < count;
}

template <class Code>
void relu(const ReluCodes& codes, const void* x, void* y, std::size_t n) {
    const Code* __restrict in = static_cast<const Code*>(x);
    Code* __restrict out = static_cast<Code*>(y);
    const Code first = static_cast<Code>(codes.negative.first), count = static_cast<Code>(codes.negative.count);
    for (std::size_t i = 0; i < n; ++i) out[i] = within(in[i], first, count) ? Code{0} : in[i];
}

template <class Saved, class Code>
void relu_backward(const ReluBackwardCodes& codes, const void* saved, const void* dy, void* dx, std::size_t n) {
    const Saved* __restrict s = static_cast<const Saved*>(saved);
    const Code* __restrict d = static_cast<const Code*>(dy);
    Code* __restrict out = static_cast<Code*>(dx);
    const Saved first = static_cast<Saved>(codes.saved_positive.first), count = static_cast<Saved>(codes.saved_positive.count);
    const Code first0 = static_cast<Code>(codes.dy_special[0].first), count0 = static_cast<Code>(codes.dy_special[0].count);
    const Code first1 = static_cast<Code>(codes.dy_special[1].first), count1 = static_cast<Code>(codes.dy_special[1].count);
    const Code nan = static_cast<Code>(codes.nan);
    for (std::size_t i = 0; i < n; ++i) {
        const bool special = within(d[i], first0, count0) | within(d[i], first1, count1);
        const Code dead = special ? nan : Code{0};
        out[i] = within(s[i], first, count) ? d[i] : dead;
    }
}

template <class T, template <class> class Form, class Table>
void fill_forward(Table& t) {
#define TAPER_UNARY(type, function) t.unary[static_cast<int>(Unary::function)] = unary<Form<type>, T>;
    TAPER_UNARY_OPS(TAPER_UNARY)
#undef TAPER_UNARY
#define TAPER_BINARY(type, function) t.binary[static_cast<int>(Binary::function)] = binary<Form<type>, T>;
    TAPER_BINARY_OPS(TAPER_BINARY)
#undef TAPER_BINARY
}

template <class T>
void fill_backward(ElementwiseLoops<T>& t) {
#define TAPER_UNARY(type, function) t.unary_backward[static_cast<int>(Unary::function)] = unary_backward<type, T>;
    TAPER_UNARY_OPS(TAPER_UNARY)
#undef TAPER_UNARY
#define TAPER_BINARY(type, function)                                               \
    t.binary_backward[static_cast<int>(Binary::function)][0] = binary_backward_a<type, T>; \
    t.binary_backward[static_cast<int>(Binary::function)][1] = binary_backward_b<type, T>;
    TAPER_BINARY_OPS(TAPER_BINARY)
#undef TAPER_BINARY
}

template <class Op>
struct Plainly : Op {};

template <class Saved>
void fill_relu_backward(void (*(&row)[3])(const ReluBackwardCodes&, const void*, const void*, void*, std::size_t)) {
    row[0] = relu_backward<Saved, std::uint8_t>;
    row[1] = relu_backward<Saved, std::uint16_t>;
    row[2] = relu_backward<Saved, std::uint32_t>;
}

ElementwiseKernels make_kernels() {
    ElementwiseKernels k = {};
    fill_forward<float, Plainly>(k.float32);
    fill_forward<double, Plainly>(k.float64);
    fill_forward<double, OddForm>(k.odd);
    fill_backward(k.float32);
    fill_backward(k.float64);
    fill_backward(k.odd);
    k.step32 = {sgd<float>, adam<float>, descend<float>};
    k.step64 = {sgd<double>, adam<double>, descend<double>};
    k.by_table[0] = by_table<std::uint8_t>;
    k.by_table[1] = by_table<std::uint16_t>;
    k.by_table[2] = by_table<std::uint32_t>;
    k.by_table[3] = by_table<std::uint64_t>;
    k.relu[0] = relu<std::uint8_t>;
    k.relu[1] = relu<std::uint16_t>;
    k.relu[2] = relu<std::uint32_t>;
    fill_relu_backward<std::uint8_t>(k.relu_backward[0]);
    fill_relu_backward<std::uint16_t>(k.relu_backward[1]);
    fill_relu_backward<std::uint32_t>(k.relu_backward[2]);
    return k;
}

}  // namespace

const ElementwiseKernels& elementwise_kernels() {
    static const ElementwiseKernels kernels = make_kernels();
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
