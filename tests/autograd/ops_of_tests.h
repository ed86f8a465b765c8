// Ops that the tests of autograd write themselves: gradients chosen by the test.
#pragma once

#include <span>
#include <vector>

#include <taper/autograd/functions.h>
#include <taper/core/random.h>
#include <taper/formats/number.h>

namespace taper::tests {

inline Tensor doubles(const std::vector<double>& values, const Shape& shape, const Format& format = Format::float64()) {
    return Tensor::from(std::span<const double>(values), shape, format);
}
inline Tensor vector_of(const std::vector<double>& values, const Format& format = Format::float64()) {
    return doubles(values, {static_cast<std::int64_t>(values.size())}, format);
}

inline Tensor round_to(const Tensor& x, const Target& target) {
    Generator& generator = default_generator();
    const bool draws = target.rounding == Rounding::stochastic;
    return x.to(target.format, {target.rounding, draws ? Draws{generator.seed(), generator.next_stream()} : Draws{}});
}

// r(x) as a value.
inline double r(double x, const Format& format) { return Number::from(x, format).value(); }

// y = 0 [], and dx = dy * gradient, formed in float64 and rounded once into what is asked for.
inline Variable sends(const Variable& x, const std::vector<double>& gradient) {
    return make_result("sends", Tensor::zeros({}), {x}, [&]() -> GradientFunction {
        return [g = doubles(gradient, x.shape())](const Tensor& dy, const std::vector<GradientRequest>& requests) {
            return std::vector<Tensor>{round_to(core::binary(Binary::mul, g, dy.to(Format::float64())), requests[0].target)};
        };
    });
}

// y = x, dx = dy; notes each gradient that was asked for.
inline Variable passes(const Variable& x, int& count) {
    return make_result("passes", x.value(), {x}, [&]() -> GradientFunction {
        return [&count](const Tensor& dy, const std::vector<GradientRequest>& requests) {
            ++count;
            return std::vector<Tensor>{round_to(dy, requests[0].target)};
        };
    });
}

}  // namespace taper::tests
