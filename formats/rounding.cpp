#include <taper/formats/rounding.h>

#include <taper/formats/error.h>

namespace taper {

std::string name(Rounding mode) {
    switch (mode) {
        case Rounding::nearest: return "nearest";
        case Rounding::zero: return "zero";
        default: return "stochastic";
    }
}

Rounding parse_rounding(std::string_view text) {
    for (const Rounding mode : {Rounding::nearest, Rounding::zero, Rounding::stochastic}) {
        if (text == name(mode)) return mode;
    }
    throw Error("rounding: unknown name: \"" + std::string(text) + "\" (want nearest, zero or stochastic)");
}

}  // namespace taper
