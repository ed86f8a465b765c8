// Fuzz target: any bytes as an accumulator's name give an accumulator or an Error; a name that is read prints and reads back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <taper/core/accumulator.h>
#include <taper/formats/error.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const taper::Accumulator accumulator = taper::Accumulator::parse(std::string_view(reinterpret_cast<const char*>(data), size));
        if (!(taper::Accumulator::parse(accumulator.name()) == accumulator)) std::abort();
    } catch (const taper::Error&) {
    }
    return 0;
}
