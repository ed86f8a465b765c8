// GELU in float64; for codes of at most 8 bits from a table made in long double and rounded to odd, so that the one rounding is correct.
#include <cmath>
#include <limits>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/operand.h>
#include <taper/core/odd.h>

namespace taper {
namespace {

// The share P(X <= x), its derivative, without cancellation on either side of 0.
struct ByErf {
    template <class T>
    static T share(T x) {
        return std::erfc(-x * static_cast<T>(0.70710678118654752440084436210484903L)) / 2;
    }
    template <class T>
    static T slope(T x) {
        return static_cast<T>(0.39894228040143267793994605993438187L) * std::exp(-x * x / 2);
    }
};
struct ByTanh {
    static constexpr long double root = 0.79788456080286535587989211986876374L, cubic = 0.044715L;  // sqrt(2 / pi)
    template <class T>
    static T share(T x) {  // (1 + tanh u) / 2 = 1 / (1 + exp(-2 u))
        const T e = std::exp(-2 * std::fabs(inner(x)));
        return (x < 0 ? e : T(1)) / (1 + e);
    }
    template <class T>
    static T slope(T x) {
        const T s = share(std::fabs(x)), rest = share(-std::fabs(x));
        const T inside = 2 * static_cast<T>(root) * (1 + 3 * static_cast<T>(cubic) * x * x);
        return rest == 0 ? T(0) : s * rest * inside;
    }
    template <class T>
    static T inner(T x) {
        return static_cast<T>(root) * (x + static_cast<T>(cubic) * x * x * x);
    }
};

// A finite x that is not 0 has a result that is not 0, which a posit must not lose.
template <class Form>
double forward(double x) {
    if (std::isinf(x)) return x < 0 ? -0.0 : x;
    const double y = x * Form::share(x);
    return y == 0 && x != 0 ? std::copysign(std::numeric_limits<double>::min(), x) : y;
}

// The same rounded to odd: an error of long double's size decides where it must, and the true result lies above x / 2 and below x.
template <class Form>
double forward_to_odd(double x) {
    const long double v = x, y = v * Form::share(v);
    if (x == 0 || !std::isfinite(x) || std::fabs(y) < std::numeric_limits<double>::min()) return forward<Form>(x);
    const double nearest = static_cast<double>(y);
    const long double error = y == v / 2 ? 1 : y == v ? -1 : y - nearest;
    return odd::to_odd(nearest, static_cast<double>(error));
}

template <class Form>
double derivative(double x) {
    if (std::isinf(x)) return x < 0 ? 0 : 1;
    const double slope = Form::slope(x);
    return Form::share(x) + (slope == 0 ? 0 : x * slope);
}

// f of each value: looked up where x has at most 256 codes.
class PointFunction {
  public:
    PointFunction(const Tensor& x, double (*by_table)(double), double (*otherwise)(double))
        : in_(x), codes_(static_cast<const std::uint8_t*>(x.data())), function_(otherwise) {
        if (x.format().bits() > 8) return;
        for (std::uint64_t code = 0; code < std::uint64_t{1} << x.format().bits(); ++code) table_.push_back(by_table(decode_one(x.format(), code)));
    }
    void operator()(std::int64_t begin, std::int64_t count, double* y) const {
        if (!table_.empty()) {
            for (std::int64_t i = 0; i < count; ++i) y[i] = table_[codes_[begin + i]];
            return;
        }
        alignas(64) double buffer[lane_block];
        const double* x = in_.read(begin, count, buffer);
        for (std::int64_t i = 0; i < count; ++i) y[i] = function_(x[i]);
    }

  private:
    Reader<double> in_;
    const std::uint8_t* codes_;
    double (*function_)(double);
    std::vector<double> table_;
};

}  // namespace

void CpuBackend::gelu(core::GeluApproximation approximation, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const bool by_erf = approximation == core::GeluApproximation::none;
    const PointFunction function(x, by_erf ? forward_to_odd<ByErf> : forward_to_odd<ByTanh>, by_erf ? forward<ByErf> : forward<ByTanh>);
    const Writer<double> out(y, mode);
    count_nan(sum_over_blocks(y.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) double buffer[lane_block];
        function(begin, count, buffer);
        return out.finish(begin, count, buffer);
    }));
}

void CpuBackend::gelu_backward(core::GeluApproximation approximation, const Tensor& dy, const Tensor& x, Tensor& dx, const RoundingMode& mode) {
    const auto slope = approximation == core::GeluApproximation::none ? derivative<ByErf> : derivative<ByTanh>;
    const PointFunction function(x, slope, slope);
    const Reader<double> dy_in(dy);
    const Writer<double> out(dx, mode);
    count_nan(sum_over_blocks(dx.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) double dy_buffer[lane_block], buffer[lane_block];
        const double* d = dy_in.read(begin, count, dy_buffer);
        function(begin, count, buffer);
        for (std::int64_t i = 0; i < count; ++i) buffer[i] = d[i] * buffer[i] + 0.0;  // no -0
        return out.finish(begin, count, buffer);
    }));
}

}  // namespace taper
