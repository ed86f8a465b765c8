// Philox4x32-10: counter-based random bits, the same on every device and for any number of threads.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
#pragma once

#include <cstdint>

#include <taper/formats/host_device.h>

namespace taper {

struct Philox4 {
    std::uint32_t word[4];
};

// Ten rounds on counter (low, high) under key `seed`; each argument is two 32-bit words, low word first.
TAPER_FN Philox4 philox(std::uint64_t seed, std::uint64_t counter_low, std::uint64_t counter_high) {
    std::uint32_t c0 = static_cast<std::uint32_t>(counter_low), c1 = static_cast<std::uint32_t>(counter_low >> 32);
    std::uint32_t c2 = static_cast<std::uint32_t>(counter_high), c3 = static_cast<std::uint32_t>(counter_high >> 32);
    std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = 0xD2511F53ull * c0;
        const std::uint64_t p1 = 0xCD9E8D57ull * c2;
        c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
        c1 = static_cast<std::uint32_t>(p1);
        c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
        c3 = static_cast<std::uint32_t>(p0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

// The draw of element `index` in `stream`: word index mod 4 of the block (index / 4, stream).
TAPER_FN std::uint32_t philox_draw(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
    return philox(seed, index / 4, stream).word[index % 4];
}

}  // namespace taper
