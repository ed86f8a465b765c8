// GELU in float64; of codes of at most 8 bits by a table made on the host, rounded to odd, so that the one rounding is correct.
#include <taper/core/gelu_forms.h>
#include <taper/cuda/backend.h>
#include <taper/cuda/element_io.h>
#include <taper/formats/convert.h>

namespace taper::cuda {

namespace {

using gelu_form::ByErf;
using gelu_form::ByTanh;

template <class Form>
void gelu_each(Runtime& runtime, std::int64_t n, const Input x, const double* table, const Result y) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { y.put(i, table != nullptr ? table[x.code(i)] : gelu_form::forward<Form>(x.at<double>(i))); });
}

template <class Form>
void gelu_backward_each(Runtime& runtime, std::int64_t n, const Input dy, const Input x, const Result dx) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { dx.put(i, dy.at<double>(i) * gelu_form::derivative<Form>(x.at<double>(i)) + 0.0); });  // no -0
}

}  // namespace

void CudaBackend::gelu(core::GeluApproximation approximation, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const bool by_erf = approximation == core::GeluApproximation::none;
    const Buffer<double> table(runtime_, 256);
    const bool narrow = x.format().bits() <= 8;
    if (narrow) {
        double values[256] = {};
        for (std::uint64_t code = 0; code < std::uint64_t{1} << x.format().bits(); ++code) {
            const double v = decode_one(x.format(), code);
            values[code] = by_erf ? gelu_form::forward_to_odd<ByErf>(v) : gelu_form::forward_to_odd<ByTanh>(v);
        }
        runtime_.copy_in(values, table.data(), sizeof(values));
    }
    const Input in(runtime_, x);
    const Result out(runtime_, y, mode);
    if (by_erf)
        gelu_each<ByErf>(runtime_, y.elements(), in, narrow ? table.data() : nullptr, out);
    else
        gelu_each<ByTanh>(runtime_, y.elements(), in, narrow ? table.data() : nullptr, out);
}

void CudaBackend::gelu_backward(core::GeluApproximation approximation, const Tensor& dy, const Tensor& x, Tensor& dx, const RoundingMode& mode) {
    const Input dy_in(runtime_, dy), x_in(runtime_, x);
    const Result out(runtime_, dx, mode);
    if (approximation == core::GeluApproximation::none)
        gelu_backward_each<ByErf>(runtime_, dx.elements(), dy_in, x_in, out);
    else
        gelu_backward_each<ByTanh>(runtime_, dx.elements(), dy_in, x_in, out);
}

}  // namespace taper::cuda
