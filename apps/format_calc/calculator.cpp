#include "calculator.h"

#include <fmt/format.h>

#include <charconv>

#include <taper/formats/arithmetic.h>
#include <taper/formats/error.h>
#include <taper/formats/philox.h>

#include "number_text.h"

namespace taper::calc {
namespace {

// The words of a line, split at blanks; at most one more than any operation takes.
struct Words {
    std::string_view word[4];
    int count = 0;

    explicit Words(std::string_view line) {
        std::size_t at = 0;
        const auto blank = [&] { return line[at] == ' ' || line[at] == '\t'; };
        while (count < 4) {
            while (at < line.size() && blank()) ++at;
            if (at == line.size()) return;
            const std::size_t begin = at;
            while (at < line.size() && !blank()) ++at;
            word[count++] = line.substr(begin, at - begin);
        }
    }
};

Unpacked unpacked_code(std::string_view text, const Format& format) {
    std::uint64_t code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    if (error == std::errc::invalid_argument || end != text.data() + text.size())
        throw Error(fmt::format("not a code: \"{}\" (want hexadecimal digits without 0x)", text.substr(0, 60)));
    if (error != std::errc() || (format.bits() < 64 && code >> format.bits() != 0))
        throw Error(fmt::format("code has bits beyond the format: {} in {} (want at most {} bits)", text.substr(0, 60), format.name(), format.bits()));
    return visit(format, [&](const auto& family) { return family.unpack(code); });
}

int operands(Operation operation) {
    switch (operation) {
        case Operation::add:
        case Operation::sub:
        case Operation::mul:
        case Operation::div: return 2;
        case Operation::fma: return 3;
        default: return 1;
    }
}

// The exact result that remains to be rounded.
Unpacked exact_result(const Task& task, const Words& words) {
    if (task.operation == Operation::encode) return parse_number(words.word[0]);
    Unpacked x[3];
    for (int i = 0; i < words.count; ++i) x[i] = unpacked_code(words.word[i], task.from);
    switch (task.operation) {
        case Operation::add: return exact_add(x[0], x[1]);
        case Operation::sub: return exact_add(x[0], negated(x[1]));
        case Operation::mul: return exact_mul(x[0], x[1]);
        case Operation::div: return exact_div(x[0], x[1]);
        case Operation::sqrt: return exact_sqrt(x[0]);
        case Operation::fma: return exact_fma(x[0], x[1], x[2]);
        default: return x[0];
    }
}

double value_of(const Unpacked& exact) { return bits_as<double>(Float64{}.pack(exact, Rounding::nearest, 0)); }

}  // namespace

void answer(const Task& task, std::string_view line, std::uint64_t index, std::string& out) {
    const Words words(line);
    const int wanted = operands(task.operation);
    if (words.count != wanted) throw Error(fmt::format("wrong number of words: \"{}\" (want {})", line.substr(0, 60), wanted));
    const Unpacked exact = exact_result(task, words);
    char text[64];
    char* end = text;
    if (task.operation == Operation::decode) {
        end = write_hex_float(value_of(exact), end);
    } else {
        const std::uint32_t draw = task.rounding == Rounding::stochastic ? philox_draw(task.seed, 0, index) : 0;
        visit(task.to, [&](const auto& family) {
            if (exact.kind == Kind::nan && !family.has_nan()) throw Error(fmt::format("the result is NaN, for which {} has no code", task.to.name()));
            const std::uint64_t code = family.pack(exact, task.rounding, draw);
            for (int shift = (family.bits() + 3) / 4 * 4 - 4; shift >= 0; shift -= 4) *end++ = "0123456789abcdef"[code >> shift & 15];
            *end++ = ' ';
            end = write_hex_float(value_of(family.unpack(code)), end);
        });
    }
    *end++ = '\n';
    out.append(text, end);
}

}  // namespace taper::calc
