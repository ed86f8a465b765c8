// GELU in float64; for codes of at most 8 bits from a table made in long double and rounded to odd, so that the one rounding is correct.
#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/operand.h>
#include <taper/core/gelu_forms.h>

namespace taper {
namespace {

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
    const PointFunction function(x, by_erf ? gelu_form::forward_to_odd<gelu_form::ByErf> : gelu_form::forward_to_odd<gelu_form::ByTanh>, by_erf ? gelu_form::forward<gelu_form::ByErf> : gelu_form::forward<gelu_form::ByTanh>);
    const Writer<double> out(y, mode);
    count_nan(sum_over_blocks(y.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) double buffer[lane_block];
        function(begin, count, buffer);
        return out.finish(begin, count, buffer);
    }));
}

void CpuBackend::gelu_backward(core::GeluApproximation approximation, const Tensor& dy, const Tensor& x, Tensor& dx, const RoundingMode& mode) {
    const auto slope = approximation == core::GeluApproximation::none ? gelu_form::derivative<gelu_form::ByErf> : gelu_form::derivative<gelu_form::ByTanh>;
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
