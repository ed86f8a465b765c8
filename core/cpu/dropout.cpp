// Dropout: masks of one bit an element, and codes kept or cleared by them.
#include <cmath>
#include <limits>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/operand.h>
#include <taper/formats/philox.h>

namespace taper {
namespace {

// Codes of one block: those kept, and `zero` for the rest, or `nan` where the value is no finite number.
template <class Code>
void clear(const void* x, const double* values, const std::uint8_t* mask, std::int64_t begin, std::int64_t count, Code zero, Code nan, void* y) {
    const Code* from = static_cast<const Code*>(x);
    Code* to = static_cast<Code*>(y);
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t element = begin + i;
        const bool kept = (mask[element / 8] >> (element % 8) & 1) != 0;
        to[element] = kept ? from[element] : std::isfinite(values[i]) ? zero : nan;
    }
}

}  // namespace

void CpuBackend::dropout_mask(std::int64_t n, std::uint64_t threshold, std::uint64_t seed, std::uint64_t stream, Tensor& mask) {
    std::uint8_t* bytes = static_cast<std::uint8_t*>(mask.mutable_data());
    for_chunks((n + 7) / 8, thread_chunk / 8, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t byte = begin; byte < end; ++byte) {
            unsigned bits = 0;
            for (int half = 0; half < 2; ++half) {
                const Philox4 draws = philox(seed, static_cast<std::uint64_t>(2 * byte + half), stream);
                for (int i = 0; i < 4; ++i) bits |= (draws.word[i] < threshold ? 1u : 0u) << (4 * half + i);
            }
            const std::int64_t rest = n - 8 * byte;
            bytes[byte] = static_cast<std::uint8_t>(rest < 8 ? bits & ((1u << rest) - 1) : bits);
        }
    });
}

void CpuBackend::dropout(const Tensor& x, const Tensor& mask, Tensor& y) {
    const Reader<double> in(x);
    const std::uint8_t* bits = static_cast<const std::uint8_t*>(mask.data());
    const std::uint64_t zero = encode_one(x.format(), 0), nan = x.format().has_nan() ? encode_one(x.format(), std::numeric_limits<double>::quiet_NaN()) : 0;
    void* codes = y.mutable_data();
    sum_over_blocks(x.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) double buffer[lane_block];
        const double* values = in.read(begin, count, buffer);
        switch (x.format().storage_bytes()) {
            case 1:
                clear(x.data(), values, bits, begin, count, static_cast<std::uint8_t>(zero), static_cast<std::uint8_t>(nan), codes);
                break;
            case 2:
                clear(x.data(), values, bits, begin, count, static_cast<std::uint16_t>(zero), static_cast<std::uint16_t>(nan), codes);
                break;
            case 4:
                clear(x.data(), values, bits, begin, count, static_cast<std::uint32_t>(zero), static_cast<std::uint32_t>(nan), codes);
                break;
            default:
                clear(x.data(), values, bits, begin, count, zero, nan, codes);
        }
        return std::size_t{0};
    });
}

}  // namespace taper
