// What the codes of a format tell without decoding: found by walking over every code, so that a new family needs no line here.
#pragma once

#include <cstdint>

#include <taper/core/cpu/elementwise_kernels.h>
#include <taper/formats/format.h>

namespace taper {

// Which codes are positive, negative and special; -0 is neither positive nor negative.
struct CodeFacts {
    bool ranges = false;  // the ranges below hold
    CodeRange positive, negative;
    CodeRange special[2];  // infinities and NaN
    std::uint32_t nan = 0;  // the code that a NaN is rounded to
    // Values are ordered like the keys (code ^ flip) - less, unsigned in a code's storage, NaN above all and no two codes alike in value.
    bool ordered = false;
    std::uint32_t flip = 0, less = 0;
};

// Facts of a format of at most 16 bits, and of float32; of others none hold.  The reference stays valid.
const CodeFacts& code_facts(const Format& format);

}  // namespace taper
