#include <taper/formats/hex_float.h>

#include <charconv>
#include <cstdint>
#include <string_view>

#include <taper/formats/lane.h>

namespace taper {

char* write_hex_float(double x, char* out) {
    const std::uint64_t bits = bits_as<std::uint64_t>(x);
    std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
    const int field = static_cast<int>(bits >> 52 & 0x7ff);
    const auto put = [&](std::string_view s) {
        for (const char c : s) *out++ = c;
    };
    if (x != x) {
        put("nan");
        return out;
    }
    if (bits >> 63 != 0) *out++ = '-';
    if (field == 0x7ff) {
        put("inf");
        return out;
    }
    put(field == 0 ? "0x0" : "0x1");
    if (fraction != 0) {
        *out++ = '.';
        for (; fraction != 0; fraction = fraction << 4 & ((std::uint64_t{1} << 52) - 1)) *out++ = "0123456789abcdef"[fraction >> 48];
    }
    *out++ = 'p';
    const int exponent = field != 0 ? field - 1023 : (bits << 1) == 0 ? 0 : -1022;
    *out++ = exponent < 0 ? '-' : '+';
    return std::to_chars(out, out + 8, exponent < 0 ? -exponent : exponent).ptr;
}

std::string hex_float(double x) {
    char text[32];
    return {text, write_hex_float(x, text)};
}

}  // namespace taper
