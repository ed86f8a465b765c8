#include <taper/core/accumulator.h>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper {

Accumulator Accumulator::parse(std::string_view text) {
    std::string word;
    for (const char c : text) {
        if (c != ' ' && c != '\t') word += c;
    }
    if (word == "float32") return float32();
    if (word == "exact") return exact();
    throw Error(fmt::format("Accumulator::parse: unknown accumulator: \"{}\" (want float32 or exact)", text));
}

std::string Accumulator::name() const { return kind_ == Kind::exact ? "exact" : "float32"; }

}  // namespace taper
