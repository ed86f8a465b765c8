// Conversion of arrays between float32 and codes, against copies that move as many bytes.
#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/formats/convert.h>

#include "goal.h"
#include "yardstick.h"

namespace taper::bench {
namespace {

constexpr std::size_t dram_elements = std::size_t{16} << 20;

Outcome encode_dram(const Effort& effort) {
    const std::vector<float> x = randn({static_cast<std::int64_t>(dram_elements)}).to_vector();
    std::vector<std::uint8_t> codes(dram_elements), copied(dram_elements);
    const Format format = Format::posit(8, 1);
    return speed_over([&] { narrowing_copy(reinterpret_cast<const std::uint32_t*>(x.data()), dram_elements, copied.data()); },
                      [&] { encode(format, x.data(), dram_elements, codes.data()); }, effort);
}

Outcome decode_dram(const Effort& effort) {
    std::vector<std::uint8_t> codes(dram_elements);
    for (std::size_t i = 0; i < dram_elements; ++i) codes[i] = static_cast<std::uint8_t>(i * 2654435761u >> 16);
    std::vector<float> y(dram_elements), copied(dram_elements);
    const Format format = Format::posit(8, 1);
    return speed_over([&] { widening_copy(codes.data(), dram_elements, reinterpret_cast<std::uint32_t*>(copied.data())); },
                      [&] { decode(format, codes.data(), dram_elements, y.data()); }, effort);
}

}  // namespace

std::vector<Goal> convert_goals() {
    return {
        {"encode_posit8_1_dram", Bound::at_least, 0.50, encode_dram},
        {"decode_posit8_1_dram", Bound::at_least, 0.65, decode_dram},
    };
}

}  // namespace taper::bench
