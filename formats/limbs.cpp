#include <taper/formats/limbs.h>

#include <cstdlib>

#include <taper/formats/lane.h>

namespace taper {
namespace {

Limbs magnitude_of(const Limbs& x) {
    Limbs magnitude = x;
    if (is_negative(x)) negate(magnitude);
    return magnitude;
}

// Limbs up to the last one that is not 0.
std::size_t used(const Limbs& magnitude) {
    std::size_t size = magnitude.size();
    while (size > 0 && magnitude[size - 1] == 0) --size;
    return size;
}

// Bits low + 3 .. low; those below bit 0 are 0.
unsigned digit_at(const Limbs& magnitude, int low) {
    unsigned digit = 0;
    for (int bit = low + 3; bit >= low; --bit) {
        const bool set = bit >= 0 && (magnitude[static_cast<std::size_t>(bit / 64)] >> (bit % 64) & 1) != 0;
        digit = digit << 1 | (set ? 1u : 0u);
    }
    return digit;
}

}  // namespace

void negate(Limbs& x) {
    std::uint64_t carry = 1;
    for (std::uint64_t& limb : x) {
        limb = ~limb + carry;
        carry = carry != 0 && limb == 0 ? 1 : 0;
    }
}

void add_shifted(Limbs& x, bool negative, Wide magnitude, int bit) {
    const std::size_t first = static_cast<std::size_t>(bit) / 64;
    const int shift = bit % 64;
    const std::uint64_t low = static_cast<std::uint64_t>(magnitude), high = static_cast<std::uint64_t>(magnitude >> 64);
    const std::uint64_t add[3] = {low << shift, shift == 0 ? high : high << shift | low >> (64 - shift), shift == 0 ? 0 : high >> (64 - shift)};
    unsigned char carry = negative ? 1 : 0;
    for (std::size_t i = first; i < x.size(); ++i) {
        const std::uint64_t term = i - first < 3 ? add[i - first] : 0;
        const Wide sum = Wide{x[i]} + (negative ? ~term : term) + carry;
        x[i] = static_cast<std::uint64_t>(sum);
        carry = static_cast<unsigned char>(sum >> 64);
        if (i - first >= 2 && carry == (negative ? 1 : 0)) break;
    }
}

Unpacked unpacked_from(const Limbs& x, int lsb) {
    const Limbs magnitude = magnitude_of(x);
    const std::size_t top = used(magnitude);
    if (top == 0) return unpacked_zero(false);
    const std::uint64_t below = top > 1 ? magnitude[top - 2] : 0;
    bool sticky = false;
    for (std::size_t i = 0; i + 2 < top; ++i) sticky = sticky || magnitude[i] != 0;
    const Wide leading = static_cast<Wide>(magnitude[top - 1]) << 64 | below;
    return unpacked_from(is_negative(x), leading, lsb + 64 * (static_cast<int>(top) - 2), sticky);
}

std::string hex_float(const Limbs& x, int lsb) {
    const Limbs magnitude = magnitude_of(x);
    const std::size_t size = used(magnitude);
    if (size == 0) return "0x0p+0";
    const int top = 64 * static_cast<int>(size) - 1 - leading_zeros(magnitude[size - 1]);
    std::string digits;
    for (int low = top - 4; low > -4; low -= 4) digits += "0123456789abcdef"[digit_at(magnitude, low)];
    digits.erase(digits.find_last_not_of('0') + 1);
    const int exponent = lsb + top;
    return std::string(is_negative(x) ? "-0x1" : "0x1") + (digits.empty() ? "" : "." + digits) + (exponent < 0 ? "p-" : "p+")
           + std::to_string(std::abs(exponent));
}

}  // namespace taper
