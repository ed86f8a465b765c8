// Fuzz target: any bytes as a format's name or as a number of format_calc give a value or an Error; a name that is read prints and reads back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <format_calc/number_text.h>

#include <taper/formats/error.h>
#include <taper/formats/format.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const taper::Format format = taper::Format::parse(text);
        if (!(taper::Format::parse(format.name()) == format)) std::abort();
    } catch (const taper::Error&) {
    }
    try {
        const taper::Unpacked x = taper::calc::parse_number(text);
        if (x.kind == taper::Kind::finite && x.significand >> 63 == 0) std::abort();
    } catch (const taper::Error&) {
    }
    return 0;
}
