// ExactRegister: a fixed-point sum of products in a thread's own memory, wide enough for every term; what a quire is in hardware.
#pragma once

#include <taper/cuda/element_io.h>

namespace taper::cuda {

// Two's complement, `limbs` limbs of 64 bits times 2^lsb, least significant first.
template <int limbs>
struct ExactRegister {
    std::uint64_t limb[limbs];
    int lsb, infinity;  // sign of an infinity that was added
    bool nan;

    TAPER_FN explicit ExactRegister(int lowest) { clear(lowest); }
    TAPER_FN void clear(int lowest) {
        for (int i = 0; i < limbs; ++i) limb[i] = 0;
        lsb = lowest;
        infinity = 0;
        nan = false;
    }
    TAPER_FN void add_shifted(bool negative, Wide magnitude, int exponent) {
        const int bit = exponent - lsb, first = bit / 64, shift = bit % 64;
        const std::uint64_t low = static_cast<std::uint64_t>(magnitude), high = static_cast<std::uint64_t>(magnitude >> 64);
        const std::uint64_t add[3] = {low << shift, shift == 0 ? high : high << shift | low >> (64 - shift), shift == 0 ? 0 : high >> (64 - shift)};
        std::uint64_t carry = negative ? 1 : 0;
        for (int i = 0; i < limbs; ++i) {  // over all: indices that the compiler knows keep the limbs in registers
            const int place = i - first;
            const std::uint64_t part = place == 0 ? add[0] : place == 1 ? add[1] : place == 2 ? add[2] : 0;
            if (place < 0) continue;
            const Wide sum = Wide{limb[i]} + (negative ? ~part : part) + carry;
            limb[i] = static_cast<std::uint64_t>(sum);
            carry = static_cast<std::uint64_t>(sum >> 64);
        }
    }
    TAPER_FN void add_infinity(bool negative) {
        const int sign = negative ? -1 : 1;
        nan = nan || infinity == -sign;
        infinity = sign;
    }
    TAPER_FN void add(const Unpacked& x) {
        if (x.kind == Kind::nan) nan = true;
        if (x.kind == Kind::infinite) add_infinity(x.negative);
        if (x.kind != Kind::finite) return;
        const int zeros = trailing_zeros(x.significand);
        add_shifted(x.negative, x.significand >> zeros, x.exponent - 63 + zeros);
    }
    TAPER_FN void add_product(const Unpacked& a, const Unpacked& b) {
        const bool negative = a.negative != b.negative;
        if (a.kind == Kind::nan || b.kind == Kind::nan || (a.kind == Kind::infinite && b.kind == Kind::zero) || (a.kind == Kind::zero && b.kind == Kind::infinite)) {
            nan = true;
        } else if (a.kind == Kind::infinite || b.kind == Kind::infinite) {
            add_infinity(negative);
        } else if (a.kind == Kind::finite && b.kind == Kind::finite) {
            const int a_zeros = trailing_zeros(a.significand), b_zeros = trailing_zeros(b.significand);
            add_shifted(negative, Wide{a.significand >> a_zeros} * (b.significand >> b_zeros), a.exponent + b.exponent - 126 + a_zeros + b_zeros);
        }
    }
    // The exact sum as a number that remains to be rounded; 0 is +0.
    TAPER_FN Unpacked result() const {
        if (nan) return unpacked_nan();
        if (infinity != 0) return unpacked_infinity(infinity < 0);
        const bool negative = static_cast<std::int64_t>(limb[limbs - 1]) < 0;
        std::uint64_t carry = negative ? 1 : 0, magnitude[limbs];
        for (int i = 0; i < limbs; ++i) {
            magnitude[i] = negative ? ~limb[i] + carry : limb[i];
            carry = carry != 0 && magnitude[i] == 0 ? 1 : 0;
        }
        int top = limbs - 1;
        while (top >= 0 && magnitude[top] == 0) --top;
        if (top < 0) return unpacked_zero(false);
        bool sticky = false;
        for (int i = 0; i < top - 1; ++i) sticky = sticky || magnitude[i] != 0;
        return unpacked_from(negative, static_cast<Wide>(magnitude[top]) << 64 | (top > 0 ? magnitude[top - 1] : 0), lsb + 64 * (top - 1), sticky);
    }

  private:
    TAPER_FN static int trailing_zeros(std::uint64_t x) { return 63 - leading_zeros(x & (0 - x)); }
};

}  // namespace taper::cuda
