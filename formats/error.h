// The one exception type of the library.
#pragma once

#include <stdexcept>
#include <string>

namespace taper {

// Sentence pattern:  op: what is wrong: what came (what was wanted)
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace taper
