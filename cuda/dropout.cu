// Dropout: masks of one bit an element, and codes kept or cleared by them.
#include <cmath>
#include <limits>

#include <taper/cuda/backend.h>
#include <taper/cuda/element_io.h>
#include <taper/formats/convert.h>

namespace taper::cuda {

namespace {

void mask_each(Runtime& runtime, std::int64_t n, std::uint64_t threshold, std::uint64_t seed, std::uint64_t stream, std::uint8_t* mask) {
    for_each(runtime, (n + 7) / 8, TAPER_BODY(std::int64_t byte) {
        unsigned bits = 0;
        for (int half = 0; half < 2; ++half) {
            const Philox4 draws = philox(seed, static_cast<std::uint64_t>(2 * byte + half), stream);
            for (int i = 0; i < 4; ++i) bits |= (draws.word[i] < threshold ? 1u : 0u) << (4 * half + i);
        }
        const std::int64_t rest = n - 8 * byte;
        mask[byte] = static_cast<std::uint8_t>(rest < 8 ? bits & ((1u << rest) - 1) : bits);
    });
}

void clear_each(Runtime& runtime, std::int64_t n, const Input x, const std::uint8_t* mask, std::uint64_t zero, std::uint64_t nan, void* y) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        const double v = x.at<double>(i);
        const bool kept = (mask[i / 8] >> (i % 8) & 1) != 0, finite = v - v == 0;
        store_code(y, x.format.bytes, i, kept ? x.code(i) : finite ? zero : nan);
    });
}

}  // namespace

void CudaBackend::dropout_mask(std::int64_t n, std::uint64_t threshold, std::uint64_t seed, std::uint64_t stream, Tensor& mask) {
    mask_each(runtime_, n, threshold, seed, stream, static_cast<std::uint8_t*>(mask.mutable_data()));
}

void CudaBackend::dropout(const Tensor& x, const Tensor& mask, Tensor& y) {
    const std::uint64_t zero = encode_one(x.format(), 0), nan = x.format().has_nan() ? encode_one(x.format(), std::numeric_limits<double>::quiet_NaN()) : 0;
    clear_each(runtime_, x.elements(), Input(runtime_, x), static_cast<const std::uint8_t*>(mask.data()), zero, nan, y.mutable_data());
}

}  // namespace taper::cuda
