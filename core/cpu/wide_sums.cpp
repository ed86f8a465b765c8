#include <taper/core/cpu/wide_sums.h>

#include <taper/formats/identity.h>
#include <taper/formats/lane.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t additions_between_carries = 2048;  // each below 2^51
constexpr std::int64_t digit_mask = (std::int64_t{1} << slice_bits) - 1;

// A finite double is (-1)^negative significand 2^exponent.
struct Parts {
    bool negative;
    std::uint64_t significand;
    int exponent;
};

Parts parts_of(double x) {
    const Unpacked u = Float64{}.unpack(bits_as<std::uint64_t>(x));
    return {u.negative, u.significand >> 11, u.exponent - 52};
}

}  // namespace

void WideSums::start(const ExactKernels& kernels, const Slicing& slicing, std::int64_t n) {
    kernels_ = &kernels;
    slicing_ = slicing;
    n_ = n;
    limbs_.assign(static_cast<std::size_t>(slicing.slices * n), 0);
}

void WideSums::count_addition() {
    if (++additions_ == additions_between_carries) carry();
}

void WideSums::add_integers(const double* integers, int limb) {
    kernels_->add_integers(integers, n_, limbs_.data() + limb * n_);
    count_addition();
}

void WideSums::add_magnitude(std::int64_t i, bool negative, unsigned __int128 magnitude, int exponent) {
    // A double has up to 52 zeros at its end: they need no room below the lowest limb.
    if (exponent < slicing_.lowest) {
        magnitude >>= slicing_.lowest - exponent;
        exponent = slicing_.lowest;
    }
    const int shift = (exponent - slicing_.lowest) % slice_bits;
    std::int64_t* limb = limbs_.data() + (exponent - slicing_.lowest) / slice_bits * n_ + i;
    for (int bits = slice_bits - shift; magnitude != 0; bits = slice_bits, limb += n_) {
        const std::int64_t digit = static_cast<std::int64_t>(static_cast<std::uint64_t>(magnitude) & ((std::uint64_t{1} << bits) - 1)) << (slice_bits - bits);
        *limb += negative ? -digit : digit;
        magnitude >>= bits;
    }
}

void WideSums::add_product(std::int64_t i, double a, double b) {
    if (a == 0 || b == 0) return;
    const Parts p = parts_of(a), q = parts_of(b);
    add_magnitude(i, p.negative != q.negative, static_cast<unsigned __int128>(p.significand) * q.significand, p.exponent + q.exponent);
}

void WideSums::add(std::int64_t i, double x) {
    if (x == 0) return;
    const Parts p = parts_of(x);
    add_magnitude(i, p.negative, p.significand, p.exponent);
}

void WideSums::add(WideSums& other) {
    other.carry();
    carry();
    for (std::size_t i = 0; i < limbs_.size(); ++i)
        limbs_[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(limbs_[i]) + static_cast<std::uint64_t>(other.limbs_[i]));
    carry();
}

void WideSums::carry() {
    kernels_->carry(limbs_.data(), n_, slicing_.slices);
    additions_ = 0;
}

void WideSums::round_to_odd(double* x) const { kernels_->round_to_odd(limbs_.data(), n_, slicing_, x); }

Unpacked WideSums::sum(std::int64_t i) const {
    std::vector<std::int64_t> digits;
    for (int s = 0; s < slicing_.slices; ++s) digits.push_back(limbs_[static_cast<std::size_t>(s * n_ + i)]);
    const bool negative = digits.back() < 0;
    std::int64_t carried = 0;
    for (std::int64_t& digit : digits) {
        if (!negative) break;
        digit = carried - digit;
        carried = digit >> slice_bits;
        digit &= digit_mask;
    }
    int top = slicing_.slices - 1;
    while (top > 0 && digits[static_cast<std::size_t>(top)] == 0) --top;
    constexpr int kept_digits = 6;  // of 128 bits; the first is not 0
    unsigned __int128 magnitude = 0;
    int s = top;
    for (; s >= 0 && s > top - kept_digits; --s) magnitude = magnitude << slice_bits | static_cast<std::uint64_t>(digits[static_cast<std::size_t>(s)]);
    bool sticky = false;
    for (int low = s; low >= 0; --low) sticky = sticky || digits[static_cast<std::size_t>(low)] != 0;
    return unpacked_from(negative, magnitude, slicing_.lowest + slice_bits * (s + 1), sticky);
}

}  // namespace taper::cpu
