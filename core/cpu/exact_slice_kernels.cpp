// Kernels of sums in slices and limbs, and of what is done to finished sums.
#include <taper/core/cpu/exact_lanes.h>

#include <taper/formats/lane.h>

namespace taper::TAPER_LEVEL {
namespace {

// 1.5 2^52: the low bits of (integer + this) are the integer.
constexpr double integer_magic = 6755399441055744.0;

// Wraps around: limbs of sums that are not finite hold anything.
typedef std::uint64_t Wrapping __attribute__((vector_size(8 * lanes)));
inline Integers plus(Integers a, Integers b) { return reinterpret_cast<Integers>(reinterpret_cast<Wrapping>(a) + reinterpret_cast<Wrapping>(b)); }

std::uint64_t slice(const double* values, std::int64_t n, const Slicing& slicing, double* to, std::int64_t step) {
    std::uint64_t found = 0;
    double scale[slice_limit], magic[slice_limit];
    for (int s = 0; s < slicing.slices; ++s) {
        scale[s] = power_of_two<double>(-slicing.lowest - s * slice_bits);
        magic[s] = integer_magic * power_of_two<double>(slicing.lowest + s * slice_bits);
    }
    for (int s = slicing.slices - 1; s >= 0; --s) {
        double* const slice = to + s * step;
        const double* const from = s == slicing.slices - 1 ? values : slice;
        double* const rest = s == 0 ? nullptr : slice - step;
        Integers any = {};
        for (std::int64_t i = 0; i < n; i += lanes) {
            const Doubles x = load(from + i), kept = (x + magic[s]) - magic[s];
            if (rest != nullptr) store(rest + i, x - kept);
            store(slice + i, kept * scale[s]);
            any |= integers(kept);
        }
        std::int64_t all = 0;
        for (int l = 0; l < lanes; ++l) all |= any[l];
        found |= std::uint64_t{all != 0} << s;
    }
    return found;
}

void add(const double* a, const double* b, std::int64_t n, double* to) {
    for (std::int64_t i = 0; i < n; i += lanes) store(to + i, load(a + i) + load(b + i));
}

void add_integers(const double* x, std::int64_t n, std::int64_t* limb) {
    const Integers magic = integers(broadcast(integer_magic));
    for (std::int64_t i = 0; i < n; i += lanes) store(limb + i, plus(load(limb + i), plus(integers(load(x + i) + integer_magic), -magic)));
}

void carry(std::int64_t* limbs, std::int64_t n, int count) {
    for (int s = 0; s + 1 < count; ++s, limbs += n) {
        for (std::int64_t i = 0; i < n; i += lanes) {
            const Integers v = load(limbs + i);
            store(limbs + i, v & ((std::int64_t{1} << slice_bits) - 1));
            store(limbs + n + i, plus(load(limbs + n + i), v >> slice_bits));
        }
    }
}

// Sums from the highest limb down.  The first addition that is inexact leaves an error of at least the unit of its limb, which what follows
// cannot outweigh: that error has the sign of the whole rest.
void round_to_odd(const std::int64_t* limbs, std::int64_t n, const Slicing& slicing, double* x) {
    const Integers magic = integers(broadcast(integer_magic));
    for (std::int64_t i = 0; i < n; i += lanes) {
        Doubles sum = {}, rest = {};
        for (int s = slicing.slices - 1; s >= 0; --s) {
            const Doubles limb = (doubles(plus(load(limbs + s * n + i), magic)) - integer_magic) * power_of_two<double>(slicing.lowest + s * slice_bits);
            const Doubles next = sum + limb, part = next - sum;
            const Doubles error = (sum - (next - part)) + (limb - part);
            const Integers exact = rest == 0;
            sum = doubles((integers(next) & exact) | (integers(sum) & ~exact));
            rest = doubles((integers(error) & exact) | (integers(rest) & ~exact));
        }
        const Integers inexact = rest != 0;  // -1 where it is
        const Integers beyond = (integers(rest) ^ integers(sum)) >> 63;
        const Integers odd = plus(integers(sum), inexact & beyond) | (inexact & 1);
        const Doubles old = load(x + i);
        const Integers finite = (old - old) == 0;
        store(x + i, doubles((odd & finite) | (integers(old) & ~finite)));
    }
}

// Odd: the bits that float32 lacks are cut off, and its last bit is set where one of them was.
void odd_floats(const double* x, std::int64_t n, float* to) {
    constexpr std::int64_t cut = (std::int64_t{1} << 29) - 1, least = 0x3810000000000000, most = 0x47efffffe0000000;
    typedef float Narrow __attribute__((vector_size(4 * lanes), aligned(4), may_alias));
    for (std::int64_t i = 0; i < n; i += lanes) {
        const Integers bits = integers(load(x + i)), magnitude = bits & std::int64_t{0x7fffffffffffffff}, sign = bits ^ magnitude;
        Integers y = (magnitude & ~cut) | (((magnitude & cut) + cut) & (cut + 1));
        y = y < least ? Integers{} + least : y;
        y = y > most ? Integers{} + most : y;
        y = magnitude == 0 ? Integers{} : y;
        y = magnitude >= Lane<double>::infinity ? magnitude : y;
        *reinterpret_cast<Narrow*>(to + i) = __builtin_convertvector(doubles(y | sign), Narrow);
    }
}

void canonical_nan(double* x, std::int64_t n) {
    const Integers nan = Integers{} + static_cast<std::int64_t>(Lane<double>::quiet_nan);
    for (std::int64_t i = 0; i < n; i += lanes) {
        const Doubles v = load(x + i);
        const Integers is_number = v == v;
        store(x + i, doubles((integers(v) & is_number) | (nan & ~is_number)));
    }
}

}  // namespace

void set_slice_kernels(ExactKernels& k) {
    k.slice = slice;
    k.add = add;
    k.add_integers = add_integers;
    k.carry = carry;
    k.round_to_odd = round_to_odd;
    k.odd_floats = odd_floats;
    k.canonical_nan = canonical_nan;
}

}  // namespace taper::TAPER_LEVEL
