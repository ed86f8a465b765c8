#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/product_reference.h>

namespace taper {

void CpuBackend::matmul(const MatmulShape& shape, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y,
                        const RoundingMode& mode) {
    const cpu::MatmulTerms terms{shape};
    if (accumulator.kind() == Accumulator::Kind::exact) return count_nan(cpu::exact_product(terms, a, b, bias, y, mode));
    count_nan(cpu::float64_product(terms, a, b, bias, y, mode));
}

}  // namespace taper
