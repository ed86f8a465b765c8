// The one list of element-wise ops: forward and derivative side by side, written once for float and double, host and device.
// The CPU kernel, the autograd rule, the gradient test and the rounding tests walk the two lists at the end.
#pragma once

#include <cmath>
#include <cstdint>

#include <taper/formats/host_device.h>

namespace taper {

// What the derivative of a unary op reads besides dy; autograd saves that alone.
enum class Saves : std::uint8_t { nothing, input, output };

// Unary ops: y = forward(x, a), dy/dx = grad(v, a) with v = x or y as `saves` says; `a` is the op's one constant (leaky_relu's
// slope, scale's factor), 0 in the others.  NaN in gives NaN out, in every op.
namespace elementwise {

struct Neg {
    static constexpr Saves saves = Saves::nothing;
    template <class T> TAPER_FN static T forward(T x, T) { return -x; }
    template <class T> TAPER_FN static T grad(T, T) { return T(-1); }
};
struct Abs {
    static constexpr Saves saves = Saves::input;
    template <class T> TAPER_FN static T forward(T x, T) { return std::fabs(x); }
    template <class T> TAPER_FN static T grad(T x, T) { return x > 0 ? T(1) : (x < 0 ? T(-1) : x); }  // 0 at 0
};
struct Square {
    static constexpr Saves saves = Saves::input;
    template <class T> TAPER_FN static T forward(T x, T) { return x * x; }
    template <class T> TAPER_FN static T grad(T x, T) { return 2 * x; }
};
struct Sqrt {
    static constexpr Saves saves = Saves::output;
    template <class T> TAPER_FN static T forward(T x, T) { return std::sqrt(x); }
    template <class T> TAPER_FN static T grad(T y, T) { return T(0.5) / y; }
};
struct Reciprocal {
    static constexpr Saves saves = Saves::output;
    template <class T> TAPER_FN static T forward(T x, T) { return 1 / x; }
    template <class T> TAPER_FN static T grad(T y, T) { return -y * y; }
};
struct Exp {
    static constexpr Saves saves = Saves::output;
    template <class T> TAPER_FN static T forward(T x, T) { return std::exp(x); }
    template <class T> TAPER_FN static T grad(T y, T) { return y; }
};
struct Log {
    static constexpr Saves saves = Saves::input;
    template <class T> TAPER_FN static T forward(T x, T) { return std::log(x); }
    template <class T> TAPER_FN static T grad(T x, T) { return 1 / x; }
};
struct Tanh {
    static constexpr Saves saves = Saves::output;
    template <class T> TAPER_FN static T forward(T x, T) { return std::tanh(x); }
    template <class T> TAPER_FN static T grad(T y, T) { return 1 - y * y; }
};
struct Sigmoid {
    static constexpr Saves saves = Saves::output;
    template <class T> TAPER_FN static T forward(T x, T) { return 1 / (1 + std::exp(-x)); }
    template <class T> TAPER_FN static T grad(T y, T) { return y * (1 - y); }
};
struct Relu {
    static constexpr Saves saves = Saves::output;
    template <class T> TAPER_FN static T forward(T x, T) { return x < 0 ? T(0) : x; }  // this order keeps NaN
    template <class T> TAPER_FN static T grad(T y, T) { return y > 0 ? T(1) : T(0); }
};
struct LeakyRelu {  // slope a > 0, so the sign of y is that of x
    static constexpr Saves saves = Saves::output;
    template <class T> TAPER_FN static T forward(T x, T a) { return x < 0 ? a * x : x; }
    template <class T> TAPER_FN static T grad(T y, T a) { return y < 0 ? a : T(1); }
};
struct Scale {  // y = a x
    static constexpr Saves saves = Saves::nothing;
    template <class T> TAPER_FN static T forward(T x, T a) { return a * x; }
    template <class T> TAPER_FN static T grad(T, T a) { return a; }
};

// Binary ops: y = forward(a, b); grad_a and grad_b are dy/da and dy/db.
struct Add {
    template <class T> TAPER_FN static T forward(T a, T b) { return a + b; }
    template <class T> TAPER_FN static T grad_a(T, T) { return T(1); }
    template <class T> TAPER_FN static T grad_b(T, T) { return T(1); }
};
struct Sub {
    template <class T> TAPER_FN static T forward(T a, T b) { return a - b; }
    template <class T> TAPER_FN static T grad_a(T, T) { return T(1); }
    template <class T> TAPER_FN static T grad_b(T, T) { return T(-1); }
};
struct Mul {
    template <class T> TAPER_FN static T forward(T a, T b) { return a * b; }
    template <class T> TAPER_FN static T grad_a(T, T b) { return b; }
    template <class T> TAPER_FN static T grad_b(T a, T) { return a; }
};
struct Div {
    template <class T> TAPER_FN static T forward(T a, T b) { return a / b; }
    template <class T> TAPER_FN static T grad_a(T, T b) { return 1 / b; }
    template <class T> TAPER_FN static T grad_b(T a, T b) { return -a / (b * b); }
};
struct Maximum {  // a tie sends the gradient to a
    template <class T> TAPER_FN static T forward(T a, T b) { return a != a ? a : (b != b ? b : (a >= b ? a : b)); }
    template <class T> TAPER_FN static T grad_a(T a, T b) { return a >= b ? T(1) : T(0); }
    template <class T> TAPER_FN static T grad_b(T a, T b) { return a >= b ? T(0) : T(1); }
};
struct Minimum {
    template <class T> TAPER_FN static T forward(T a, T b) { return a != a ? a : (b != b ? b : (a <= b ? a : b)); }
    template <class T> TAPER_FN static T grad_a(T a, T b) { return a <= b ? T(1) : T(0); }
    template <class T> TAPER_FN static T grad_b(T a, T b) { return a <= b ? T(0) : T(1); }
};

}  // namespace elementwise

// X(struct, function): one line an op.  The order numbers the enumerators.
#define TAPER_UNARY_OPS(X)   \
    X(Neg, neg)              \
    X(Abs, abs)              \
    X(Square, square)        \
    X(Sqrt, sqrt)            \
    X(Reciprocal, reciprocal) \
    X(Exp, exp)              \
    X(Log, log)              \
    X(Tanh, tanh)            \
    X(Sigmoid, sigmoid)      \
    X(Relu, relu)            \
    X(LeakyRelu, leaky_relu) \
    X(Scale, scale)

#define TAPER_BINARY_OPS(X) \
    X(Add, add)             \
    X(Sub, sub)             \
    X(Mul, mul)             \
    X(Div, div)             \
    X(Maximum, maximum)     \
    X(Minimum, minimum)

#define TAPER_ENUMERATOR(type, function) function,
enum class Unary : std::uint8_t { TAPER_UNARY_OPS(TAPER_ENUMERATOR) };
enum class Binary : std::uint8_t { TAPER_BINARY_OPS(TAPER_ENUMERATOR) };
#undef TAPER_ENUMERATOR

// Calls f(elementwise::Exp{}) for Unary::exp and so on: the bridge from the enumerator to the struct.
template <class F>
decltype(auto) visit(Unary op, F&& f) {
    switch (op) {
#define TAPER_CASE(type, function) \
    case Unary::function: return f(elementwise::type{});
        TAPER_UNARY_OPS(TAPER_CASE)
    }
    __builtin_unreachable();
}
template <class F>
decltype(auto) visit(Binary op, F&& f) {
    switch (op) {
#undef TAPER_CASE
#define TAPER_CASE(type, function) \
    case Binary::function: return f(elementwise::type{});
        TAPER_BINARY_OPS(TAPER_CASE)
#undef TAPER_CASE
    }
    __builtin_unreachable();
}

const char* name(Unary op);
const char* name(Binary op);
Saves saves(Unary op);

}  // namespace taper
