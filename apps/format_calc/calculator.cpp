#include "calculator.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include <taper/core/dot.h>
#include <taper/formats/arithmetic.h>
#include <taper/formats/code.h>
#include <taper/formats/error.h>
#include <taper/formats/hex_float.h>
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

int operands(Operation operation) {
    switch (operation) {
        case Operation::add:
        case Operation::sub:
        case Operation::mul:
        case Operation::div:
        case Operation::dot: return 2;
        case Operation::fma: return 3;
        default: return 1;
    }
}

// The exact result that remains to be rounded.
Unpacked exact_result(const Task& task, const Words& words) {
    if (task.operation == Operation::encode) return parse_number(words.word[0]);
    Unpacked x[3];
    for (int i = 0; i < words.count; ++i) {
        const std::uint64_t code = parse_code(words.word[i], task.from);
        x[i] = unpack_code(task.from, code);
    }
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

// "CODE,CODE,...", or "-" for a list of none.
std::vector<Number> parse_list(std::string_view text, const Format& format) {
    std::vector<Number> numbers;
    if (text == "-") return numbers;
    for (std::size_t at = 0;;) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        numbers.emplace_back(format, parse_code(text.substr(at, comma - at), format));
        if (comma == text.size()) return numbers;
        at = comma + 1;
    }
}

// The dot product of two lists; line i is output i of the draws.
void answer_dot(const Task& task, const Words& words, std::uint64_t index, std::string& out) {
    const std::vector<Number> a = parse_list(words.word[0], task.from), b = parse_list(words.word[1], task.from);
    std::vector<DotStep> steps;
    const DotOptions options{.mode = {.mode = task.rounding, .draws = {.seed = task.seed}}, .output = index};
    const Number y = dot(a, b, task.accumulator, task.to, options, task.trace ? &steps : nullptr);
    for (const DotStep& step : steps) out += "# " + step.str() + "\n";
    out += y.hex() + " " + hex_float(y.value()) + "\n";
}

double value_of(const Unpacked& exact) { return bits_as<double>(Float64{}.pack(exact, Rounding::nearest, 0)); }

}  // namespace

void answer(const Task& task, std::string_view line, std::uint64_t index, std::string& out) {
    const Words words(line);
    const int wanted = operands(task.operation);
    if (words.count != wanted) throw Error(fmt::format("wrong number of words: \"{}\" (want {})", line.substr(0, 60), wanted));
    if (task.operation == Operation::dot) return answer_dot(task, words, index, out);
    const Unpacked exact = exact_result(task, words);
    char text[64];
    char* end = text;
    if (task.operation == Operation::decode) {
        end = write_hex_float(value_of(exact), end);
    } else {
        const std::uint32_t draw = task.rounding == Rounding::stochastic ? philox_draw(task.seed, 0, index) : 0;
        if (exact.kind == Kind::nan && !task.to.has_nan()) throw Error(fmt::format("the result is NaN, for which {} has no code", task.to.name()));
        const std::uint64_t code = pack_code(task.to, exact, task.rounding, draw);
        for (int shift = (task.to.bits() + 3) / 4 * 4 - 4; shift >= 0; shift -= 4) *end++ = "0123456789abcdef"[code >> shift & 15];
        *end++ = ' ';
        end = write_hex_float(value_of(unpack_code(task.to, code)), end);
    }
    *end++ = '\n';
    out.append(text, end);
}

}  // namespace taper::calc
